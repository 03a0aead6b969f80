// The hashes of a message's body for all its signatures, from one pass over the bytes: signatures with the same
// canonical form of the body share one (bh= of RFC 6376 3.5).
// Of one message at a time; reset() makes it ready for the next.  Feeding allocates nothing.  One thread at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "engine/base/check.h"
#include "engine/dkim/algorithm.h"
#include "engine/dkim/body_canonical.h"
#include "engine/dkim/sha256.h"
#include "engine/message/envelope.h"
#include "engine/smtp/scan.h"

namespace sluice::dkim {

// Which canonical forms of the body are hashed.
struct BodyForms {
  bool simple = false;
  bool relaxed = false;
};

// The hashes of one body, by canonical form, as far as they were made.  A value.
class BodyDigests {
 public:
  [[nodiscard]] bool has(BodyForms forms) const { return (!forms.simple || simple_) && (!forms.relaxed || relaxed_); }
  // Of a form that it has.
  [[nodiscard]] const Digest& digest(Canonicalization form) const;

 private:
  friend class BodyHashes;
  std::optional<Digest> simple_;
  std::optional<Digest> relaxed_;
};

class BodyHashes {
 public:
  BodyHashes() = default;
  BodyHashes(const BodyHashes&) = delete;
  BodyHashes& operator=(const BodyHashes&) = delete;

  // A message begins.  `form`: how its body is fed; dots that were stuffed are no part of what is signed.
  void reset(BodyForms forms, message::BodyForm form);
  // The next bytes of the body, without the header and its empty line, in pieces of any size.
  void feed(std::string_view bytes);
  // The body has ended.
  void finish();
  // After finish(): those of the forms that reset() was given.
  [[nodiscard]] const BodyDigests& digests() const { return digests_; }

 private:
  class Hasher final : public BodyOutput {
   public:
    void write(std::string_view bytes) override { hash_.update(bytes); }
    void mark() override { marked_ = hash_; }
    void rewind() override {
      CHECK(marked_);
      hash_ = *marked_;
    }
    [[nodiscard]] Digest finish() { return hash_.finish(); }

   private:
    Sha256Hash hash_;
    std::optional<Sha256Hash> marked_;
  };
  struct Body {
    explicit Body(Canonicalization form) : canonical(form, hasher) {}
    Hasher hasher;
    BodyCanonicalizer canonical;
  };

  void feed_literal(std::string_view bytes);

  std::optional<Body> simple_;
  std::optional<Body> relaxed_;
  BodyDigests digests_;
  message::BodyForm form_ = message::BodyForm::literal;
  smtp::DotUnstuffer unstuffer_;
};

}  // namespace sluice::dkim
