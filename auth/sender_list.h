// What a login is narrowed to: domains, as a DomainList has them, and addresses.  An address is "LOCAL@DOMAIN", where
// "*" in LOCAL stands for any text, also none: "sales-*@example.com".  As login names do, addresses compare without the
// case of ASCII letters, and by domain_key(). Immutable once made, so it may be shared between threads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/domain_list.h"

namespace sluice::auth {

class SenderList {
 public:
  SenderList() = default;
  // Entries are to be in the form that canonical_sender_entry() gives; others simply cover nothing.
  explicit SenderList(const std::vector<std::string>& entries);

  // Whether some address of `domain` is among them.
  [[nodiscard]] bool covers_in(std::string_view domain) const;
  // `local`: without quotes.
  [[nodiscard]] bool covers(std::string_view local, std::string_view domain) const;

 private:
  struct Address {
    std::string local;
    std::string domain;  // by its domain_key()
  };
  DomainList domains_;
  std::vector<Address> addresses_;
  DomainList address_domains_;
};

// The form in which an entry is stored and compared.  Nothing if `text` is neither an entry of a DomainList nor an
// address in one domain, with a local part of clean text of up to 64 bytes (RFC 5321 section 4.5.3.1.1).
[[nodiscard]] std::optional<std::string> canonical_sender_entry(std::string_view text);

// The entry of the domain that an entry is in: the entry itself, where that is no address.
[[nodiscard]] std::string_view domain_of_entry(std::string_view entry);

}  // namespace sluice::auth
