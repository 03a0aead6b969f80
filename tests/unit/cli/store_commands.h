// What the tests of sluicectl's commands on a store share: a store of the test, texts in place of the terminal, and a
// DNS that the test has written.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <sstream>
#include <string>

#include "engine/cli/accounts.h"
#include "engine/io/dns.h"
#include "tests/support/zone_source.h"
#include "tests/unit/auth_backend/store_fixture.h"
#include "tests/unit/cli/file_stores.h"

namespace sluice::cli {

class StoreCommandTest : public auth::StoreTest {
 protected:
  // What is typed, and at what.
  struct Typed {
    io::Clock& clock;
    io::Random& random;
    std::string input = {};
    bool progress = false;
  };
  // The exit status of `command`, which is run once; the texts are in out_ and err_.
  int in_world(const Typed& typed, const std::function<int(const AccountCommandWorld& world)>& command) {
    std::istringstream in(typed.input);
    std::ostringstream out;
    std::ostringstream err;
    FileStores stores(path_);
    const int status = command({.stores = stores,
                                .settings = settings_,
                                .hash_cost = auth::kLeastHashCost,
                                .clock = typed.clock,
                                .random = typed.random,
                                .progress = typed.progress,
                                .in = in,
                                .out = out,
                                .err = err});
    out_ = out.str();
    err_ = err.str();
    return status;
  }

  AccountSettings settings_;
  std::string out_;
  std::string err_;
};

class SetClock final : public io::Clock {
 public:
  Instant now() override { return {}; }
  WallMillis wall() override { return now_; }
  WallMillis now_ = auth::kTestNow;
};

// A zone as a name service; several threads ask it.
class ZoneDns final : public io::Dns {
 public:
  explicit ZoneDns(testing::ZoneSource& zone) : zone_(zone) {}
  void query(const std::string& name, io::DnsType type, CustomerShare /*share*/,
             std::function<void(io::DnsReply)> on_reply) override {
    io::DnsReply reply;
    {
      const std::lock_guard lock(mutex_);
      reply = zone_.ask(name, type);
      reply.negative_ttl_s = 60;
    }
    on_reply(std::move(reply));
  }

 private:
  testing::ZoneSource& zone_;
  std::mutex mutex_;
};

}  // namespace sluice::cli
