// The stores of a test: files.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "engine/cli/accounts.h"

namespace sluice::cli {

class FileStores final : public StoreFinder {
 public:
  explicit FileStores(std::string configured) : configured_(std::move(configured)) {}
  [[nodiscard]] std::expected<auth::StoreAddress, std::string> find(const std::string& text) override {
    return auth::StoreAddress(text.empty() ? configured_ : text);
  }
  [[nodiscard]] std::expected<void, std::string> enter(const auth::StoreAddress& /*store*/) override { return {}; }

 private:
  std::string configured_;
};

}  // namespace sluice::cli
