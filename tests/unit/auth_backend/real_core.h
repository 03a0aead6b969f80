// A core on the real platform for back ends whose library blocks on threads; and one login there.
#pragma once

#include <memory>
#include <string_view>

#include "tests/unit/auth_backend/scripted.h"

namespace sluice::auth {

class RealCore {
 public:
  explicit RealCore(std::unique_ptr<BackendSource> source) : source_(std::move(source)) {}
  RealCore(const RealCore&) = delete;
  RealCore& operator=(const RealCore&) = delete;
  ~RealCore() {
    testing::await_done(platforms_, loop_, [this] { return backend_->close(); });
  }

  Verdict check(std::string_view name, std::string_view secret) { return check(credentials_of(name, secret)); }
  Verdict check(const Credentials& credentials) {
    return testing::await<Verdict>(platforms_, loop_, [&] { return backend_->check(credentials); });
  }

  MailboxState look_up(std::string_view text) {
    const Name name = name_of(text);
    return testing::await<MailboxState>(platforms_, loop_, [&] { return backend_->look_up(name); });
  }

 private:
  [[nodiscard]] BackendParts parts() {
    BackendParts simulated = unused_.parts();
    return {.loop = loop_,
            .resolver = simulated.resolver,
            .dialer = simulated.dialer,
            .store = simulated.store,
            .hash_threads = loop_.platform().workers};
  }

  BackendCore unused_;  // neither names nor connections
  testing::Platforms platforms_{testing::PlatformKind::real};
  io::Loop& loop_{platforms_.add_loop("192.0.2.1")};
  std::unique_ptr<BackendSource> source_;
  std::unique_ptr<Backend> backend_{source_->on_core(parts())};
};

}  // namespace sluice::auth
