// A message's content on its way from the form in which it came into the one in which it goes out: by DATA, with dots
// and an end line, or by BDAT, as it is.  Bytes stay in their blocks, unless they are made 7-bit.
// A value of one transmission; core thread only.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "engine/base/buffer.h"
#include "engine/message/envelope.h"
#include "engine/message/seven_bit.h"
#include "engine/smtp/scan.h"

namespace sluice::relay {

class ContentForm {
 public:
  ContentForm() = default;
  ContentForm(message::BodyForm from, bool chunks) : from_(from), chunks_(chunks) {}

  // Appends to `out` what `bytes` are on the wire.
  void convert(Chain bytes, Chain& out) {
    if ((from_ == message::BodyForm::literal) == chunks_) {
      out.append(std::move(bytes));
    } else if (chunks_) {
      unstuff(bytes, out);
    } else {
      stuff(bytes, out);
    }
  }
  // What ends content that goes by DATA.
  [[nodiscard]] std::string_view data_end() const {
    return from_ == message::BodyForm::dot_stuffed ? std::string_view(".\r\n") : stuffer_.end();
  }

 private:
  void unstuff(Chain& bytes, Chain& out) {
    while (!bytes.empty()) {
      const auto step = unstuffer_.step(bytes.front());
      out.move_front(bytes, step.copy);
      bytes.consume(step.skip);
    }
  }
  void stuff(Chain& bytes, Chain& out) {
    while (!bytes.empty()) {
      const auto step = stuffer_.step(bytes.front());
      out.move_front(bytes, step.copy);
      if (step.insert_dot) out.append_copy(".");
    }
  }

  message::BodyForm from_ = message::BodyForm::dot_stuffed;
  bool chunks_ = false;
  smtp::DotStuffer stuffer_;
  smtp::DotUnstuffer unstuffer_;
};

// The same for content that is made 7-bit on its way: it comes out literal.
class SevenBitForm {
 public:
  SevenBitForm(message::BodyForm from, bool header_too) : from_(from, /*chunks=*/true), seven_bit_(header_too) {}

  // What `bytes` become.
  Chain feed(Chain bytes) {
    Chain literal;
    from_.convert(std::move(bytes), literal);
    std::string text;
    for (std::size_t i = 0; i < literal.extents(); ++i) seven_bit_.feed(literal[i].view(), text);
    return chain_of(text);
  }
  Chain finish() {
    std::string text;
    seven_bit_.finish(text);
    return chain_of(text);
  }
  [[nodiscard]] bool failed() const { return seven_bit_.failed(); }

 private:
  static Chain chain_of(std::string_view text) {
    Chain chain;
    chain.append_copy(text);
    return chain;
  }

  ContentForm from_;
  message::SevenBit seven_bit_;
};

}  // namespace sluice::relay
