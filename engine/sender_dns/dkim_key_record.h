// The record of a DKIM key, and whether it is the one that is signed with (RFC 6376 3.6.1, RFC 8301, RFC 8463).
// Pure.  Any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sender_dns/public_key.h"

namespace sluice::sender_dns {

struct DkimKeyRecord {
  std::string type = "rsa";           // k=
  std::string key_text;               // p=, without white space; empty: the key is revoked
  std::vector<std::string> hashes;    // h=; none: all
  std::vector<std::string> services;  // s=; none: all
  bool testing = false;               // t=y
  bool exact_domain = false;          // t=s: the domain of i= is that of d=
};

// The error is a sentence.
[[nodiscard]] std::expected<DkimKeyRecord, std::string> parse_dkim_key_record(std::string_view text);

// A key that mail of a domain is signed with.
struct SigningKey {
  std::string selector;
  PublicKey key;
};

// What `key`'s record should say.
[[nodiscard]] std::string dkim_key_record(const PublicKey& key);

// What a verifier would make of a signature by `expected` (null: not known) where its record is `text`.
struct DkimKeyFault {
  std::string what;    // empty: a signature passes
  std::string remedy;  // for the one who publishes the record
  std::string note;    // of one that is right: what should be known of it
};
[[nodiscard]] DkimKeyFault judge_dkim_key(std::string_view text, const PublicKey* expected);

}  // namespace sluice::sender_dns
