// Messages in work: read once, shared, and gone with the last lease; and the hashes of their bodies, which stay.
#include "engine/relay/active_messages.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/signing/running_hash.h"
#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

using MaybeLease = std::optional<ActiveMessages::Lease>;

class ActiveMessagesTest : public ::testing::Test {
 protected:
  ActiveMessagesTest() {
    fixture_.start();
    messages_.emplace(fixture_.spool(),
                      [this](ActiveMessage& message, std::string why) { return quarantine(message, std::move(why)); });
  }
  ~ActiveMessagesTest() override {
    messages_.reset();
    // The queue knows nothing of what is in its spool here.
    std::vector<spool::QueueId> ids;
    for (const auto& [id, entry] : fixture_.spool().index()) ids.push_back(id);
    for (const spool::QueueId id : ids) await<bool>([&] { return fixture_.spool().finish(id); });
  }

  template <typename T>
  T await(std::function<Task<T>()> make) {
    return testing::await<T>(fixture_.fixture.platforms, fixture_.fixture.loop, std::move(make));
  }
  spool::QueueId keep() {
    const auto id = *message::parse_queue_id(fixture_.next_id());
    EXPECT_TRUE(await<bool>([&] { return keep_in(fixture_.spool(), id); }));
    return id;
  }
  static Task<bool> keep_in(spool::Spool& spool, spool::QueueId id) {
    spool::Stored stored;
    stored.envelope.id = message::queue_id_text(id);
    stored.envelope.recipients.push_back({.forward_path = "bob@example.net"});
    message::DeliveryStatus status;
    status.recipients.resize(1);
    Chain content;
    content.append_copy("From: ann@example.com\r\n\r\nHello.\r\n");
    spool::Draft draft(spool, id);
    const bool taken = (co_await draft.append(std::move(content))).has_value();
    co_return taken && (co_await draft.commit(std::move(stored), status)).has_value();
  }
  void damage(spool::QueueId id) {
    const spool::Location at = fixture_.spool().index().at(id).message;
    fixture_.fixture.platforms.world()
        .disk(Fixture::kRelay)
        .flip_bit(std::string(QueueFixture::kDirectory) + "/" + spool::segment_name(at.segment), at.offset + 40);
  }
  MaybeLease open(spool::QueueId id) {
    return await<MaybeLease>([&] { return messages_->open(id); });
  }
  // So many at the same time.
  std::vector<MaybeLease> open_together(spool::QueueId id, std::size_t count) {
    std::vector<std::unique_ptr<testing::Running<MaybeLease>>> opening;
    for (std::size_t i = 0; i < count; ++i)
      opening.push_back(std::make_unique<testing::Running<MaybeLease>>(
          fixture_.fixture.platforms, fixture_.fixture.loop, [&] { return messages_->open(id); }));
    std::vector<MaybeLease> opened;
    for (const auto& each : opening) opened.push_back(each->wait());
    return opened;
  }
  std::uint64_t reads() { return fixture_.fixture.platforms.world().faults().calls(sim::SimCall::read_file); }
  Task<void> quarantine(ActiveMessage& message, std::string why) {
    EXPECT_FALSE(why.empty());
    quarantined_.push_back(message.id());
    if (lasts_) co_await go_on_.wait("the test");
  }

  QueueFixture fixture_{1, {.short_percent = 0}};  // a read is one call
  std::optional<ActiveMessages> messages_;
  std::vector<spool::QueueId> quarantined_;
  bool lasts_ = false;
  AsyncEvent go_on_;
};

TEST_F(ActiveMessagesTest, ASecondOpenerSharesWhatTheFirstHasRead) {
  const spool::QueueId id = keep();
  const MaybeLease first = open(id);
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)->id(), id);
  const std::uint64_t before = reads();
  (*first)->status().recipients[0].tries = 7;
  const MaybeLease second = open(id);
  ASSERT_TRUE(second);
  EXPECT_EQ(&**second, &**first);
  EXPECT_EQ((*second)->status().recipients[0].tries, 7U);
  EXPECT_EQ(reads(), before);
  EXPECT_EQ(messages_->size(), 1U);
}

TEST_F(ActiveMessagesTest, WhoComesWhileItIsReadWaitsForThat) {
  const spool::QueueId id = keep();
  const std::uint64_t before = reads();
  EXPECT_TRUE(open(id));
  const std::uint64_t of_one = reads() - before;
  const std::vector<MaybeLease> opened = open_together(id, 3);
  for (const MaybeLease& each : opened) {
    ASSERT_TRUE(each);
    EXPECT_EQ(&**each, &**opened.front());
  }
  EXPECT_EQ(reads() - before, 2 * of_one);
}

TEST_F(ActiveMessagesTest, TheLastLeaseTakesItAway) {
  const spool::QueueId id = keep();
  MaybeLease first = open(id);
  MaybeLease second = open(id);
  (*first)->status().recipients[0].tries = 7;
  first.reset();
  EXPECT_EQ(messages_->size(), 1U);
  EXPECT_EQ((*second)->status().recipients[0].tries, 7U);
  {
    const MaybeLease moved = std::exchange(second, std::nullopt);
    EXPECT_EQ(messages_->size(), 1U);
    EXPECT_EQ((*moved)->id(), id);
  }
  EXPECT_TRUE(messages_->empty());
  // What nobody wrote to the spool is not known to who comes later.
  const MaybeLease later = open(id);
  ASSERT_TRUE(later);
  EXPECT_EQ((*later)->status().recipients[0].tries, 0U);
}

TEST_F(ActiveMessagesTest, AFinishedMessageIsNotSharedAnyMore) {
  const spool::QueueId id = keep();
  const MaybeLease first = open(id);
  (*first)->finished = true;
  EXPECT_FALSE(open(id));
  EXPECT_EQ(messages_->size(), 1U) << "the first lease is still out";
}

TEST_F(ActiveMessagesTest, WhatIsNotInTheSpoolIsNotQuarantined) {
  EXPECT_FALSE(open(12345));
  EXPECT_TRUE(messages_->empty());
  EXPECT_TRUE(quarantined_.empty());
}

TEST_F(ActiveMessagesTest, WhatCannotBeReadIsQuarantinedOnceHoweverManyOpenIt) {
  const spool::QueueId id = keep();
  damage(id);
  for (const MaybeLease& each : open_together(id, 3)) EXPECT_FALSE(each);
  EXPECT_THAT(quarantined_, ::testing::ElementsAre(id));
  EXPECT_TRUE(messages_->empty());
}

// It was read again, and quarantined once more, while the first caller waited for the disk.
TEST_F(ActiveMessagesTest, WhoComesDuringTheQuarantineDoesNotReadItAgain) {
  const spool::QueueId id = keep();
  damage(id);
  lasts_ = true;
  testing::Running<MaybeLease> first(fixture_.fixture.platforms, fixture_.fixture.loop,
                                     [&] { return messages_->open(id); });
  ASSERT_TRUE(fixture_.run_until([&] { return !quarantined_.empty(); }));
  EXPECT_FALSE(open(id));
  EXPECT_FALSE(first.done());
  fixture_.fixture.loop.post([&] { go_on_.set(); });
  EXPECT_FALSE(first.wait());
  EXPECT_THAT(quarantined_, ::testing::ElementsAre(id));
  EXPECT_TRUE(messages_->empty());
}

// ------------------------------------------------------------------------------------------ hashes of bodies

dkim::BodyDigests some_hash() {
  return signing::RunningHash(message::BodyForm::literal, {.relaxed = true}).finish().digests;
}

TEST_F(ActiveMessagesTest, TheHashOfABodyStaysUntilTheMessageIsFinished) {
  const spool::QueueId id = keep();
  messages_->keep_body(id, some_hash());
  for (int tries = 0; tries < 3; ++tries) {
    const MaybeLease lease = open(id);
    EXPECT_TRUE((*lease)->signatures().body());
    (*lease)->finished = tries == 2;
  }
  EXPECT_FALSE((*open(id))->signatures().body());
}

TEST_F(ActiveMessagesTest, AHashThatWasMadeForOneTryIsThereForTheNext) {
  const spool::QueueId id = keep();
  (*open(id))->signatures().set_body(some_hash());
  EXPECT_TRUE((*open(id))->signatures().body());
}

TEST_F(ActiveMessagesTest, HashesAreBounded) {
  const spool::QueueId first = keep();
  const spool::QueueId last = keep();
  messages_->keep_body(first, some_hash());
  for (spool::QueueId other = 1; other < ActiveMessages::kBodiesMax; ++other) messages_->keep_body(other, some_hash());
  messages_->keep_body(last, some_hash());
  EXPECT_FALSE((*open(first))->signatures().body());
  EXPECT_TRUE((*open(last))->signatures().body());
}

}  // namespace
}  // namespace sluice::relay
