// Back ends on threads of their own: hashes that a client hands back, and a client that does not come back.
#include "auth/backend/threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <string>

#include "tests/unit/auth_backend/real_core.h"

namespace sluice::auth {
namespace {

using ::testing::HasSubstr;
using Kind = Verdict::Kind;

using Script = std::function<Found(const Credentials&)>;
class ScriptedClient final : public BlockingClient {
 public:
  explicit ScriptedClient(Script script) : script_(std::move(script)) {}
  [[nodiscard]] Found check(const Credentials& credentials) override { return script_(credentials); }

 private:
  Script script_;
};

std::unique_ptr<BackendSource> source_of(Script script, std::unique_ptr<PasswordHasher> hasher = nullptr,
                                         Duration timeout = std::chrono::minutes(1)) {
  BackendOptions options{.name = "threads", .timeout = timeout};
  options.connections = 2;
  return make_threaded_source(
      options, [script = std::move(script)] { return std::make_unique<ScriptedClient>(script); }, std::move(hasher));
}

class HashesOfClientsTest : public ::testing::Test {
 protected:
  HashesOfClientsTest() {
    auto hasher = PasswordHasher::create(kLeastHashCost).value();
    hasher_ = hasher.get();
    right_ = hasher->hash(secret_of("right")).value();
    core_ = std::make_unique<RealCore>(source_of([this](const Credentials&) { return found_; }, std::move(hasher)));
  }
  Kind log_in(Found found, std::string_view secret = "right") {
    found_ = std::move(found);
    last_ = core_->check("tim@example.com", secret);
    return last_.kind;
  }

  PasswordHasher* hasher_ = nullptr;
  std::string right_;
  Found found_;
  Verdict last_;
  std::unique_ptr<RealCore> core_;
};

TEST_F(HashesOfClientsTest, AVerdictCountsForASecretThatMatches) {
  EXPECT_EQ(log_in({Verdict::of(Kind::granted), right_}), Kind::granted);
  EXPECT_EQ(log_in({Verdict::of(Kind::granted), right_}, "wrong"), Kind::wrong);
  EXPECT_EQ(log_in({Verdict::of(Kind::suspended), right_}), Kind::suspended);
  EXPECT_EQ(log_in({Verdict::of(Kind::suspended), right_}, "wrong"), Kind::wrong);
}

TEST_F(HashesOfClientsTest, AHashThatIsNoneIsNoAnswer) {
  EXPECT_EQ(log_in({Verdict::of(Kind::granted), "$nothing$that$is$known"}), Kind::unavailable);
  EXPECT_THAT(last_.reason, HasSubstr("tim@example.com"));
  EXPECT_THAT(last_.reason, ::testing::Not(HasSubstr("nothing")));
  // A client that forgot it grants nothing.
  EXPECT_EQ(log_in({Verdict::of(Kind::granted), ""}), Kind::wrong);
}

TEST_F(HashesOfClientsTest, AnUnknownNameCostsAHashLikeAnyOther) {
  const std::uint64_t before = hasher_->matches_computed();
  EXPECT_EQ(log_in({Verdict::of(Kind::unknown), ""}), Kind::unknown);
  EXPECT_EQ(hasher_->matches_computed(), before + 1);
  EXPECT_EQ(log_in({Verdict::of(Kind::wrong), ""}), Kind::wrong);
  EXPECT_EQ(hasher_->matches_computed(), before + 2);
  EXPECT_EQ(log_in({Verdict::of(Kind::unavailable, "down"), ""}), Kind::unavailable);
  EXPECT_EQ(last_.reason, "down");
  EXPECT_EQ(hasher_->matches_computed(), before + 2);
}

TEST(BlockingClientTest, WithoutAHasherWhatTheClientSaysStands) {
  RealCore core(source_of([](const Credentials& asked) -> Found {
    return {Verdict::of(asked.secret.reveal() == "right" ? Kind::granted : Kind::wrong), ""};
  }));
  EXPECT_EQ(core.check("tim", "right").kind, Kind::granted);
  EXPECT_EQ(core.check("tim", "wrong").kind, Kind::wrong);
}

TEST(BlockingClientTest, OneThatHangsIsGivenUpAndTheOthersGoOn) {
  std::latch release(1);
  RealCore core(source_of(
      [&release](const Credentials& asked) -> Found {
        if (asked.name.text() == "hangs") release.wait();
        return {Verdict::of(Kind::granted), ""};
      },
      nullptr, std::chrono::milliseconds(300)));
  const Verdict late = core.check("hangs", "x");
  EXPECT_EQ(late.kind, Kind::unavailable);
  EXPECT_THAT(late.reason, HasSubstr("in time"));
  EXPECT_EQ(core.check("tim", "x").kind, Kind::granted);
  release.count_down();  // close() waits for it
}

}  // namespace
}  // namespace sluice::auth
