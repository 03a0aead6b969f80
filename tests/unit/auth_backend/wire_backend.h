// A back end of a kind on a simulated core, and the server that it asks, which the test plays.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "auth/backend/kinds.h"
#include "tests/unit/auth_backend/scripted.h"
#include "tests/unit/auth_backend/scripted_server.h"

namespace sluice::auth {

class WireBackendTest : public ::testing::Test {
 protected:
  static constexpr std::uint16_t kPort = 12345;
  static constexpr std::string_view kSecret = "s3cret  of 100%";
  using Dialog = testing::ScriptedServer::Dialog;

  explicit WireBackendTest(std::string kind) {
    options_.name = "mailboxes";
    options_.kind = std::move(kind);
    options_.timeout = std::chrono::seconds(10);
    options_.servers = {{.host = "127.0.0.1", .port = kPort}};
    options_.tls = BackendTls::none;
  }
  void TearDown() override {
    if (backend_ != nullptr) testing::await_done(core_.platforms, core_.loop, [this] { return backend_->close(); });
    server_.stop();
  }

  Backend& backend() {
    if (backend_ == nullptr) {
      source_ = find_backend_kind(options_.kind)->open(options_).value();
      backend_ = source_->on_core(core_.parts());
    }
    return *backend_;
  }
  // A login that goes on while the test does something else.
  struct Asked {
    Asked(WireBackendTest& test, std::string_view name, LoginClient client)
        : credentials{.name = name_of(name), .secret = secret_of(kSecret), .client = std::move(client)},
          running(test.core_.platforms, test.core_.loop,
                  [this, &backend = test.backend()] { return backend.check(credentials); }) {}
    Credentials credentials;
    testing::Running<Verdict> running;
    Verdict wait() {
      Verdict verdict = running.wait();
      EXPECT_EQ(verdict.reason.find(kSecret), std::string::npos);
      return verdict;
    }
  };
  std::unique_ptr<Asked> begin(std::string_view name = "tim@example.com", LoginClient client = {}) {
    return std::make_unique<Asked>(*this, name, std::move(client));
  }
  Verdict ask(std::string_view name = "tim@example.com", LoginClient client = {}) {
    return begin(name, std::move(client))->wait();
  }
  bool until(const std::function<bool()>& holds) { return core_.platforms.run_until(holds); }

  BackendCore core_;
  testing::ScriptedServer server_{core_.platforms, "192.0.2.1", *io::Address::from_ip("127.0.0.1", kPort)};
  BackendOptions options_;
  std::unique_ptr<BackendSource> source_;
  std::unique_ptr<Backend> backend_;
};

// `unavailable`, with a reason that begins with the server's name and has this in it.
inline void expect_unavailable(const Verdict& verdict, std::string_view why) {
  EXPECT_EQ(verdict.kind, Verdict::Kind::unavailable);
  EXPECT_TRUE(verdict.reason.starts_with("127.0.0.1:12345: ")) << verdict.reason;
  EXPECT_NE(verdict.reason.find(why), std::string::npos) << verdict.reason;
}

}  // namespace sluice::auth
