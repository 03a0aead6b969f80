// Sources of the keys that mail is signed with: those in the accounts' store, and the first of several sources that has
// a domain's.  Any thread; calls block.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/store/signing_keys_in_use.h"
#include "engine/dkim/key_source.h"
#include "engine/domain_keys/key_wrapper.h"
#include "engine/io/platform.h"

namespace sluice::domain_keys {

// The store is opened when it is first asked: until there is one, no domain has a key in it.
class StoreKeys final : public dkim::KeySource {
 public:
  StoreKeys(auth::StoreAddress address, KeyWrapper wrapper, std::unique_ptr<io::Clock> clock,
            auth::WhileFailing failing)
      : keys_(std::move(address), failing), wrapper_(std::move(wrapper)), clock_(std::move(clock)) {}

  std::expected<std::vector<dkim::StoredKey>, std::string> keys_of(std::string_view domain) override;
  std::string why_none(std::string_view domain) override;
  // Of the customer that has all below them, and no public suffix: what is signed so is the sender's own to a receiver.
  std::expected<std::vector<std::string>, std::string> parents_of(std::string_view domain) override;
  std::expected<std::string, std::string> choice_of(std::string_view customer) override;

 private:
  auth::SigningKeysInUse keys_;
  const KeyWrapper wrapper_;
  const std::unique_ptr<io::Clock> clock_;
};

class FirstOfSources final : public dkim::KeySource {
 public:
  explicit FirstOfSources(std::vector<std::shared_ptr<dkim::KeySource>> sources) : sources_(std::move(sources)) {}

  // One that does not answer ends the search: the keys behind it are not known to be the right ones.
  std::expected<std::vector<dkim::StoredKey>, std::string> keys_of(std::string_view domain) override;
  // The first that has a reason.
  std::string why_none(std::string_view domain) override;
  // The first that has one.
  std::expected<std::vector<std::string>, std::string> parents_of(std::string_view domain) override;
  std::expected<std::string, std::string> choice_of(std::string_view customer) override;

 private:
  const std::vector<std::shared_ptr<dkim::KeySource>> sources_;
};

}  // namespace sluice::domain_keys
