// What `sluicectl spool` says of a segment that the tests write by hand.
#include "engine/cli/spool.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "engine/io/aligned.h"
#include "engine/spool/batch.h"
#include "engine/spool/directory.h"
#include "engine/spool/segments.h"
#include "engine/spool/stored.h"

namespace sluice::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CtlSpoolTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kSalt = 0x1234567890abcdef;
  static constexpr spool::QueueId kId = 12345;

  void SetUp() override {
    char name[] = "/tmp/sluice-ctl-spool-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    path_ = name;
    auto opened = spool::Directory::open(*disk_, path_, "here.example");
    ASSERT_TRUE(opened);
    directory_ = *std::move(opened);
    spool::FreeFile file{.name = {}, .bytes = 1U << 20};
    auto segment = spool::begin_segment(*disk_, path_, file, {.number = 7, .salt = kSalt});
    ASSERT_TRUE(segment);
    file_ = segment->file;
  }
  void TearDown() override {
    disk_->close(file_);
    directory_ = nullptr;
    std::filesystem::remove_all(path_);
  }

  // A message and its end, in one batch.
  void write(bool flip) {
    io::AlignedBytes memory(spool::kBatchBytesMax);
    spool::Batch batch({reinterpret_cast<char*>(memory.data()), memory.size()});
    batch.begin(7, kSalt, spool::kBlockBytes, 1U << 19);
    spool::Stored stored{.envelope = {.id = "",
                                      .reverse_path = "ann@example.com",
                                      .envid = {},
                                      .recipients = {{.forward_path = "b\033b@example.net"}}},
                         .submitter = {.customer = "acme", .account = "ann@example.com"},
                         .arrived = 1000,
                         .content_bytes = 4};
    message::DeliveryStatus status;
    status.recipients.resize(1);
    Chain content;
    content.append_copy("hi\r\n");
    const spool::Location at =
        batch.add(spool::RecordType::message, kId, spool::encode_message(stored, status), &content);
    batch.add(spool::RecordType::done, kId, {}, nullptr);
    std::string bytes(batch.finish(2000));
    if (flip) bytes[at.offset - spool::kBlockBytes + 40] ^= 1;
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(memory.data()));
    ASSERT_TRUE(disk_->write(file_, spool::kBlockBytes, {reinterpret_cast<char*>(memory.data()), bytes.size()}, true));
  }
  int run(SpoolCommand::Verb verb, bool json = false) {
    out_.str("");
    err_.str("");
    return run_spool_command(*disk_, {.verb = verb, .directory = {}, .json = json}, path_, path_, out_, err_);
  }

  std::unique_ptr<io::Disk> disk_ = io::make_real_disk();
  std::unique_ptr<spool::Directory> directory_;
  std::string path_;
  int file_ = -1;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CtlSpoolTest, DumpsEveryRecordAndEscapesWhatOthersSent) {
  write(/*flip=*/false);
  EXPECT_EQ(run(SpoolCommand::Verb::dump), 0);
  EXPECT_THAT(out_.str(), HasSubstr("00000007.log 4136"));
  EXPECT_THAT(out_.str(), HasSubstr(" message " + message::queue_id_text(kId)));
  EXPECT_THAT(out_.str(), HasSubstr("customer=acme from=<ann@example.com> to=<b?b@example.net>"));
  EXPECT_THAT(out_.str(), HasSubstr(" done " + message::queue_id_text(kId)));
  EXPECT_THAT(out_.str(), Not(HasSubstr("\033")));
  EXPECT_EQ(run(SpoolCommand::Verb::dump, /*json=*/true), 0);
  EXPECT_THAT(out_.str(), HasSubstr("\"sender\": \"ann@example.com\""));
}

TEST_F(CtlSpoolTest, CheckCountsAndIsSatisfied) {
  write(/*flip=*/false);
  EXPECT_EQ(run(SpoolCommand::Verb::check, /*json=*/true), 0);
  EXPECT_THAT(out_.str(), HasSubstr("\"segments\": 1"));
  EXPECT_THAT(out_.str(),
              HasSubstr("\"messages\": 1, \"ended\": 1, \"pending\": 0, \"incomplete\": 0, \"damaged\": 0"));
}

TEST_F(CtlSpoolTest, CheckTellsWhereSomethingIsDamaged) {
  write(/*flip=*/true);
  // Nothing else was written behind it: a crash may have done that.
  EXPECT_EQ(run(SpoolCommand::Verb::check), 0);
  EXPECT_THAT(out_.str(), HasSubstr("cut_short     1"));
}

TEST_F(CtlSpoolTest, RefusesWhatIsNoSpool) {
  std::filesystem::remove(path_ + "/format");
  EXPECT_EQ(run(SpoolCommand::Verb::check), 1);
  EXPECT_THAT(err_.str(), HasSubstr("is no spool"));
}

}  // namespace
}  // namespace sluice::cli
