// In whose name a message is signed: d=, s= and i= of RFC 6376 3.5, checked once, in both forms in which they are
// written.
//
// RFC 8616 5: in an internationalized message (one that goes on with SMTPUTF8) the domains in these tags SHOULD be
// U-labels, elsewhere they are A-labels, as nothing but ASCII may be there.  So the way of this message decides, not
// the domain: what goes on without SMTPUTF8 has A-labels.  The name that a verifier looks up is the same, as it asks
// the DNS for A-labels in either case; the bytes that are hashed are those of the field. An immutable value.  Any
// thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace sluice::dkim {

class Signatory {
 public:
  struct Tags {
    std::string domain;    // d=
    std::string selector;  // s=
    std::string agent;     // i=, encoded as it is written (RFC 6376 2.11); empty: none
  };

  // Domains in either form.  `agent`: empty, or "local@domain" or "@domain" in the domain or one below it.
  // The error is a sentence for people.
  static std::expected<Signatory, std::string> make(std::string_view domain, std::string_view selector,
                                                    std::string_view agent = {});

  [[nodiscard]] const Tags& tags(bool internationalized) const { return internationalized ? unicode_ : ascii_; }

 private:
  Tags ascii_;
  Tags unicode_;
};

}  // namespace sluice::dkim
