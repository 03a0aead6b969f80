// A signer of example.com's mail on a fixture's loop.
// Owned by one test; its thread only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/signing/signer.h"
#include "tests/support/held_keys.h"
#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {

class FixtureSigner {
 public:
  explicit FixtureSigner(Fixture& fixture, signing::Unsigned rule = signing::Unsigned::send)
      : FixtureSigner(fixture, signing::SigningRules{.without_key = rule}) {}
  FixtureSigner(Fixture& fixture, signing::SigningRules rules)
      : rules_(std::move(rules)),
        signer_({.loop = fixture.loop,
                 .workers = fixture.loop.platform().workers,
                 .keys = std::make_shared<signing::KeyCache>(keys, rules_, 10),
                 .counters = counters,
                 .not_signed = [this](const signing::NotSigned& what) { ++effects[std::string(what.effect)]; },
                 .broken_before = [](const signing::BrokenBefore&) {}},
                rules_) {
    keys->held["example.com"] = {{"one", testing::rsa_der()}, {"two", testing::ed25519_der()}};
    fixture.signer = &signer_;
  }
  signing::Signer& signer() { return signer_; }

  std::shared_ptr<testing::HeldKeys> keys = std::make_shared<testing::HeldKeys>();
  signing::SigningCounters counters;
  std::map<std::string, int> effects;

 private:
  signing::SigningRules rules_;
  signing::Signer signer_;
};

inline std::string long_text(std::size_t bytes) {
  std::string text(kText);
  while (text.size() < bytes) text += "A line of a long message.\r\n";
  return text;
}

}  // namespace sluice::relay
