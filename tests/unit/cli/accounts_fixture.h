// sluicectl's account commands on a store of a test, as an operator types them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "auth/store/embedded_store.h"
#include "engine/cli/accounts.h"
#include "tests/unit/cli/store_commands.h"

namespace sluice::cli {

class FixedClock final : public io::Clock {
 public:
  Instant now() override { return {}; }
  WallMillis wall() override { return auth::kTestNow + 1500; }
};

class CountingRandom final : public io::Random {
 public:
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = std::byte{next_++};
  }

 private:
  unsigned char next_ = 0;
};

class CtlAccountsTest : public StoreCommandTest {
 protected:
  // Returns the exit status; the texts are in out_ and err_.
  int run(std::vector<std::string_view> args, const std::string& input = "") {
    return in_world({.clock = clock_, .random = random_, .input = input},
                    [&args](const AccountCommandWorld& world) { return run_account_command(args, world); });
  }
  void set_up_acme() {
    ASSERT_EQ(run({"customer", "add", "Acme"}), kCtlDone) << err_;
    ASSERT_EQ(run({"domain", "add", "Example.com", "--customer", "acme"}), kCtlDone) << err_;
    ASSERT_EQ(run({"account", "add", "tim@example.com", "--customer=Acme", "--password-stdin"}, "right\n"), kCtlDone)
        << err_;
  }
  auth::Answer log_in(std::string_view name, std::string_view secret) {
    return open_store()->check(auth::name_of(name), auth::secret_of(secret));
  }
  bool says(const std::string& text) const { return err_.find(text) != std::string::npos; }

  FixedClock clock_;
  CountingRandom random_;
};

}  // namespace sluice::cli
