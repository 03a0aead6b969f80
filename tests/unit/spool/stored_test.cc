// Payloads: what is written is read, and whatever else is read ends in nothing, or in something bounded.
#include "engine/spool/stored.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "engine/smtp/limits.h"
#include "engine/spool/bytes.h"
#include "tests/sim/context.h"
#include "tests/unit/spool/segment_text.h"

namespace sluice::spool {
namespace {

using message::Attempt;
using message::DeliveryStatus;
using message::RecipientStatus;

// ------------------------------------------------------------------------------------------ bytes

TEST(Bytes, NumbersComeBack) {
  for (unsigned shift = 0; shift < 64; ++shift)
    for (const std::uint64_t value :
         {std::uint64_t{1} << shift, (std::uint64_t{1} << shift) - 1, ~std::uint64_t{0} >> shift}) {
      std::string bytes;
      ByteWriter(bytes).number(value);
      ByteReader in(bytes);
      EXPECT_EQ(in.number(), value);
      EXPECT_FALSE(in.failed());
      EXPECT_TRUE(in.rest().empty());
    }
}

TEST(Bytes, NumbersThatDoNotEndOrDoNotFitAreNone) {
  for (const std::string_view bytes : {std::string_view(""), std::string_view("\x80"), std::string_view("\xff\xff"),
                                       std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
                                       std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")}) {
    ByteReader in(bytes);
    EXPECT_EQ(in.number(), 0U);
    EXPECT_TRUE(in.failed());
  }
}

TEST(Bytes, AfterAFaultEverythingIsNothing) {
  ByteReader in(
      std::string_view("\x05\x03"
                       "abcdef",
                       8));
  EXPECT_EQ(in.number(4), 0U);
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(in.number(), 0U);
  EXPECT_EQ(in.text(), "");
  EXPECT_EQ(in.rest(), "");
}

TEST(Bytes, TextsThatAreLongerThanWhatIsLeftAreNone) {
  ByteReader in(
      "\x06"
      "abcde");
  EXPECT_EQ(in.text(), "");
  EXPECT_TRUE(in.failed());
}

// ------------------------------------------------------------------------------------------ generated values

class Generated {
 public:
  explicit Generated(std::uint64_t seed) : random_(seed) {}
  std::string text(std::size_t most = 40) {
    std::string text(random_.below(most + 1), '\0');
    for (char& c : text) c = static_cast<char>(random_.next());
    return text;
  }
  // Small, large and extreme ones alike.
  template <typename T>
  T number(T most = std::numeric_limits<T>::max()) {
    if (random_.percent(10)) return most;
    return static_cast<T>(static_cast<std::uint64_t>(most) & (random_.next() >> random_.below(64)));
  }
  bool flag() { return random_.percent(50); }

  RecipientStatus recipient_status() {
    return {.fate = static_cast<message::Fate>(random_.below(6)),
            .delay_reported = flag(),
            .reported = flag(),
            .passed_on_dsn = flag(),
            .code = number<std::uint16_t>(),
            .enhanced = {.cls = number<std::uint8_t>(),
                         .subject = number<std::uint16_t>(),
                         .detail = number<std::uint16_t>()},
            .text = text(message::kWordsBytesMax),
            .next_hop = text(),
            .at = number<WallMillis>(),
            .tries = number<std::uint32_t>(),
            .due = number<WallMillis>()};
  }
  DeliveryStatus status(std::size_t recipients) {
    DeliveryStatus status{.tries = number<std::uint32_t>(), .due = number<WallMillis>(), .held = flag()};
    // Without a hold there is no reason for one.
    if (status.held) status.hold_reason = text(message::kWordsBytesMax);
    for (std::size_t i = 0; i < recipients; ++i) status.recipients.push_back(recipient_status());
    for (std::uint64_t i = random_.below(message::kAttemptsKept + 1); i > 0; --i)
      status.attempts.push_back(Attempt{.at = number<WallMillis>(),
                                        .next_hop = text(),
                                        .tls = text(),
                                        .recipients = number<std::uint16_t>(),
                                        .taken = number<std::uint16_t>(),
                                        .code = number<std::uint16_t>(),
                                        .text = text(message::kWordsBytesMax)});
    return status;
  }
  Stored stored(QueueId id) {
    Stored stored{.envelope = {.id = message::queue_id_text(id),
                               .reverse_path = text(256),
                               .body = static_cast<smtp::Body>(random_.below(3)),
                               .smtputf8 = flag(),
                               .ret = static_cast<smtp::Ret>(random_.below(3)),
                               .envid = text(100),
                               .content = {.header_eight_bit = flag(), .eight_bit = flag(), .whole = flag()}},
                  .submitter = {.customer = text(),
                                .account = text(),
                                .address = text(),
                                .helo = text(),
                                .protocol = text(),
                                .weight = static_cast<ShareWeight>(1 + random_.below(kShareWeightMax))},
                  .form = static_cast<message::BodyForm>(random_.below(2)),
                  .arrived = number<WallMillis>()};
    if (flag()) stored.envelope.size = number(std::numeric_limits<std::uint64_t>::max() - 1);
    for (std::uint64_t i = random_.below(6); i > 0; --i)
      stored.envelope.recipients.push_back(
          {.forward_path = text(256),
           .notify = {.never = flag(), .success = flag(), .failure = flag(), .delay = flag()},
           .orcpt = text(500)});
    for (std::uint64_t i = random_.below(4); i > 0; --i)
      stored.pieces.push_back({number<std::uint32_t>(), number<std::uint32_t>(), number(kPayloadBytesMax)});
    stored.envelope.message_id = text(message::kMessageIdBytesMax);
    return stored;
  }
  sim::SimRandom& random() { return random_; }

 private:
  sim::SimRandom random_;
};

void expect_same(const Stored& got, const Stored& stored) {
  EXPECT_EQ(got.arrived, stored.arrived);
  EXPECT_EQ(got.form, stored.form);
  EXPECT_EQ(got.submitter.customer, stored.submitter.customer);
  EXPECT_EQ(got.submitter.account, stored.submitter.account);
  EXPECT_EQ(got.submitter.address, stored.submitter.address);
  EXPECT_EQ(got.submitter.helo, stored.submitter.helo);
  EXPECT_EQ(got.submitter.protocol, stored.submitter.protocol);
  EXPECT_EQ(got.content_bytes, stored.content_bytes);
  EXPECT_EQ(got.pieces, stored.pieces);
  EXPECT_EQ(got.envelope.id, stored.envelope.id);
  EXPECT_EQ(got.envelope.reverse_path, stored.envelope.reverse_path);
  EXPECT_EQ(got.envelope.body, stored.envelope.body);
  EXPECT_EQ(got.envelope.smtputf8, stored.envelope.smtputf8);
  EXPECT_EQ(got.envelope.content, stored.envelope.content);
  EXPECT_EQ(got.envelope.size, stored.envelope.size);
  EXPECT_EQ(got.envelope.ret, stored.envelope.ret);
  EXPECT_EQ(got.envelope.envid, stored.envelope.envid);
  ASSERT_EQ(got.envelope.recipients.size(), stored.envelope.recipients.size());
  for (std::size_t i = 0; i < got.envelope.recipients.size(); ++i) {
    const message::Recipient& a = got.envelope.recipients[i];
    const message::Recipient& b = stored.envelope.recipients[i];
    EXPECT_EQ(a.forward_path, b.forward_path);
    EXPECT_EQ(a.orcpt, b.orcpt);
    EXPECT_EQ(a.notify.never, b.notify.never);
    EXPECT_EQ(a.notify.success, b.notify.success);
    EXPECT_EQ(a.notify.failure, b.notify.failure);
    EXPECT_EQ(a.notify.delay, b.notify.delay);
  }
  EXPECT_EQ(got.envelope.message_id, stored.envelope.message_id);
}

// A generated message and its payload, with `content` behind it.
struct Sample {
  Stored stored;
  DeliveryStatus status;
  std::string payload;
};
Sample sample(Generated& generated, QueueId id, std::string_view content) {
  Sample made;
  made.stored = generated.stored(id);
  made.status = generated.status(made.stored.envelope.recipients.size());
  made.stored.content_bytes = content.size();
  for (const Location& piece : made.stored.pieces) made.stored.content_bytes += piece.payload;
  made.payload = encode_message(made.stored, made.status);
  made.payload += content;
  return made;
}

TEST(Stored, GeneratedMessagesComeBack) {
  Generated generated(1);
  for (QueueId id = 1; id < 500; ++id) {
    const std::string content = generated.text(300);
    const Sample made = sample(generated, id, content);
    const auto decoded = decode_message(id, made.payload);
    ASSERT_TRUE(decoded) << id;
    expect_same(decoded->stored, made.stored);
    EXPECT_EQ(decoded->status, made.status);
    EXPECT_EQ(decoded->content, content);
  }
}

TEST(Stored, GeneratedStatusesComeBack) {
  Generated generated(2);
  for (int i = 0; i < 500; ++i) {
    const DeliveryStatus status = generated.status(generated.random().below(20));
    EXPECT_EQ(decode_status(encode_status(status)), status);
  }
}

TEST(Stored, EveryTruncationIsNothing) {
  Generated generated(3);
  for (QueueId id = 1; id < 4; ++id) {
    const Sample made = sample(generated, id, "content");
    for (std::size_t size = 0; size < made.payload.size(); ++size)
      EXPECT_FALSE(decode_message(id, std::string_view(made.payload).substr(0, size))) << size;
    const std::string status = encode_status(made.status);
    for (std::size_t size = 0; size < status.size(); size += 3)
      EXPECT_FALSE(decode_status(std::string_view(status).substr(0, size))) << size;
  }
}

TEST(Stored, RandomBytesEndInNothingOrInSomethingBounded) {
  Generated generated(4);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = generated.text(400);
    if (!bytes.empty()) bytes[0] = static_cast<char>(1 + round % 3);
    if (const auto decoded = decode_message(1, bytes))
      EXPECT_LE(decoded->stored.envelope.recipients.size(), bytes.size());
    if (const auto status = decode_status(bytes)) EXPECT_LE(status->recipients.size(), bytes.size());
    Sample made = sample(generated, 1, "content");
    for (int i = 0; i < 3; ++i)
      made.payload[generated.random().below(made.payload.size())] = static_cast<char>(generated.random().next());
    static_cast<void>(decode_message(1, made.payload));
  }
}

// Ten bytes that promise ten thousand recipients.
TEST(Stored, PromisesAreNotBelieved) {
  std::string bytes;
  ByteWriter out(bytes);
  for (const std::uint64_t value : {1, 0, 0, 0}) out.number(value);
  out.number(smtp::kRecipientsMaxCeiling);
  EXPECT_FALSE(decode_status(bytes));
  out.number(smtp::kRecipientsMaxCeiling + 1);
  EXPECT_FALSE(decode_status(bytes));
}

TEST(Stored, OfAnotherSchemaIsNothing) {
  std::string payload = encode_status(status_of(1));
  ASSERT_TRUE(decode_status(payload));
  for (const char schema : {'\0', '\3'}) {
    payload[0] = schema;
    EXPECT_FALSE(decode_status(payload));
  }
}

// As long as customers weigh one, an older version reads what this one writes.
TEST(Stored, AWeightIsWrittenWhereItIsNotOne) {
  Stored stored{.envelope = {.id = message::queue_id_text(1), .recipients = {{.forward_path = "bob@example.net"}}}};
  const auto written = [&](ShareWeight weight) {
    stored.submitter.weight = weight;
    return encode_message(stored, status_of(1));
  };
  EXPECT_EQ(written(1)[0], 2);
  std::string payload = written(kShareWeightMax);
  EXPECT_EQ(payload[0], 3);
  EXPECT_EQ(decode_message(1, payload)->stored.submitter.weight, kShareWeightMax);
  const std::size_t at = payload.find(static_cast<char>(kShareWeightMax));
  ASSERT_NE(at, std::string::npos);
  for (const char weight : {'\0', static_cast<char>(kShareWeightMax + 1)}) {
    payload[at] = weight;
    EXPECT_FALSE(decode_message(1, payload));
  }
}

// A message and a status as version 0.1 wrote them: for two recipients, one of them tried, five times in all.
TEST(Stored, WhatAnOlderVersionWroteIsRead) {
  std::string old_status;
  ByteWriter status(old_status);
  for (const std::uint64_t value : {1, 0, 7000, 5, 2}) status.number(value);  // schema held due tries, recipients:
  for (const std::uint64_t at : {0, 6000}) {
    for (const std::uint64_t value : {0, 0, 451, 4, 3, 0}) status.number(value);
    status.text("words");
    status.text("hop:25");
    status.number(at);
  }
  status.number(0);  // attempts
  const auto decoded = decode_status(old_status);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->tries, 5U);
  EXPECT_EQ(decoded->recipients[0].tries, 0U);
  EXPECT_EQ(decoded->recipients[1].tries, 1U);
  for (const RecipientStatus& recipient : decoded->recipients) EXPECT_EQ(recipient.due, 7000);

  std::string old_message;
  ByteWriter out(old_message);
  for (const std::uint64_t value : {1, 5000, 1}) out.number(value);  // schema arrived form
  for (const char* text : {"acme", "ann@example.com", "192.0.2.1", "pc", "ESMTP", "ann@example.com"}) out.text(text);
  for (const std::uint64_t value : {0, 0, 0, 0}) out.number(value);  // body smtputf8 size ret
  out.text("");
  out.number(2);
  for (const char* text : {"bob@example.net", "eve@example.org"}) {
    out.text(text);
    out.number(0);
    out.text("");
  }
  for (const std::uint64_t value : {4, 0}) out.number(value);  // content_bytes pieces
  out.text(old_status);
  old_message += "hi\r\n";  // `content` is a view of it
  const auto message = decode_message(1, old_message);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->stored.envelope.recipients[1].forward_path, "eve@example.org");
  EXPECT_EQ(message->stored.envelope.message_id, "");
  EXPECT_EQ(message->content, "hi\r\n");
}

TEST(Stored, StatusForOtherRecipientsIsNothing) {
  Stored stored = stored_of(1, 0, 2);
  std::string payload = encode_message(stored, status_of(0, 2));
  ASSERT_TRUE(decode_message(1, payload));
  const std::string one = encode_status(status_of(0, 1));
  const std::string two = encode_status(status_of(0, 2));
  payload.resize(payload.size() - two.size() - 1);
  ByteWriter(payload).text(one);
  EXPECT_FALSE(decode_message(1, payload));
}

TEST(Stored, ContentThatIsNotAllThereIsNothing) {
  const std::string payload = encode_message(stored_of(1, 10), status_of(0));
  EXPECT_FALSE(decode_message(1, payload + "ninechars"));
  EXPECT_TRUE(decode_message(1, payload + "ten chars!"));
  EXPECT_FALSE(decode_message(1, payload + "eleven char"));
}

// ------------------------------------------------------------------------------------------ bounds

// It used to be written whole, and then read as nothing: a message lost by the words of its next hops.
TEST(Stored, MoreAttemptsThanAreKeptAreNotWritten) {
  DeliveryStatus status = status_of(0);
  status.attempts.resize(message::kAttemptsKept + 5);
  const auto decoded = decode_status(encode_status(status));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->attempts.size(), message::kAttemptsKept);
}

TEST(Stored, WordsAreCutWhereThereAreTooManyRecipients) {
  DeliveryStatus status;
  status.recipients.resize(smtp::kRecipientsMaxCeiling);
  for (RecipientStatus& recipient : status.recipients) {
    recipient.text.assign(message::kWordsBytesMax, 'w');
    recipient.next_hop = "mx.example.net:25";
    recipient.at = std::numeric_limits<WallMillis>::max();
  }
  status.attempts.resize(message::kAttemptsKept,
                         Attempt{.next_hop = std::string(100'000, 'n'), .tls = std::string(100'000, 't')});
  const std::string payload = encode_status(status);
  EXPECT_LE(payload.size(), kMetaBytesMax / 2);
  const auto decoded = decode_status(payload);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->recipients.size(), smtp::kRecipientsMaxCeiling);
  EXPECT_EQ(decoded->recipients[5].at, status.recipients[5].at);
}

// A copy of it must fit when it is moved, however long its status has become: the log would look for room for ever.
TEST(Stored, EnvelopeThatLeavesNoRoomForAStatusCannotBeStored) {
  Stored stored = stored_of(1, 0, 3000);
  for (message::Recipient& recipient : stored.envelope.recipients) recipient.orcpt.assign(480, 'o');
  const std::string fits = encode_message(stored, status_of(0, 3000));
  ASSERT_FALSE(fits.empty());
  DeliveryStatus longest = status_of(0, 3000);
  for (RecipientStatus& recipient : longest.recipients) recipient.text.assign(400, 'w');
  const std::string full = encode_message(stored, longest);
  EXPECT_FALSE(full.empty());
  EXPECT_LE(full.size(), kMetaBytesMax);
  for (message::Recipient& recipient : stored.envelope.recipients) recipient.orcpt.assign(500, 'o');
  stored.envelope.envid.assign(100'000, 'e');
  EXPECT_TRUE(encode_message(stored, status_of(0, 3000)).empty());
}

TEST(Stored, MoreRecipientsThanTheCeilingCannotBeStored) {
  const Stored stored = stored_of(1, 0, smtp::kRecipientsMaxCeiling + 1);
  EXPECT_TRUE(encode_message(stored, status_of(0, smtp::kRecipientsMaxCeiling + 1)).empty());
}

// What a spool that is full records: which recipients are delivered, and when the others are due, but not the
// responses.
TEST(StoredStatus, ShorterFormsKeepFatesAndCodes) {
  message::DeliveryStatus status;
  status.recipients.resize(3);
  status.recipients[1] = {.fate = message::Fate::relayed, .code = 250, .text = std::string(500, 'a'), .at = 77};
  status.recipients[2] = {.fate = message::Fate::failed,
                          .reported = true,
                          .code = 550,
                          .enhanced = {5, 1, 1},
                          .text = std::string(500, 'b')};
  status.due = 1'700'000'000'000;
  for (std::uint16_t i = 0; i < 30; ++i)
    status.add({.at = i, .next_hop = "mx", .recipients = i, .code = 451, .text = std::string(500, 'c')});
  const std::string whole = encode_status(status);
  const std::string brief = encode_status(status, StatusForm::brief);
  const std::string bare = encode_status(status, StatusForm::bare);
  EXPECT_GT(whole.size(), 15'000U);
  EXPECT_LT(brief.size(), 1000U);
  EXPECT_LE(bare.size(), bare_status_bytes_max(3));
  EXPECT_EQ(*decode_status(whole), status);
  for (const std::string& text : {brief, bare}) {
    const auto back = decode_status(text);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->tries, 30U);
    EXPECT_EQ(back->due, status.due);
    EXPECT_EQ(back->recipients[1].fate, message::Fate::relayed);
    EXPECT_EQ(back->recipients[2].code, 550U);
    EXPECT_EQ(back->recipients[2].enhanced, status.recipients[2].enhanced);
    EXPECT_TRUE(back->recipients[2].reported);
  }
  EXPECT_EQ(decode_status(brief)->attempts.back().recipients, 29U);
  EXPECT_EQ(decode_status(brief)->attempts.size(), 4U);
}

// The longest that the shortest form can be: room for it is reserved with each message.
TEST(StoredStatus, BareFormFitsIntoItsReserve) {
  message::DeliveryStatus status;
  for (const std::size_t recipients : {1U, 2U, 500U}) {
    status.recipients.assign(recipients, {.fate = message::Fate::removed,
                                          .delay_reported = true,
                                          .reported = true,
                                          .passed_on_dsn = true,
                                          .code = 65535,
                                          .enhanced = {255, 65535, 65535},
                                          .text = "words",
                                          .next_hop = "mx",
                                          .at = std::numeric_limits<WallMillis>::max()});
    for (auto& recipient : status.recipients) {
      recipient.tries = std::numeric_limits<std::uint32_t>::max();
      recipient.due = std::numeric_limits<WallMillis>::max();
    }
    status.due = std::numeric_limits<WallMillis>::max();
    status.tries = std::numeric_limits<std::uint32_t>::max();
    EXPECT_LE(encode_status(status, StatusForm::bare).size(), bare_status_bytes_max(recipients));
  }
}

}  // namespace
}  // namespace sluice::spool
