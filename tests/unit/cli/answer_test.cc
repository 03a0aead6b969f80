// What sluicectl prints of the relay's answer, in whatever pieces that comes.
#include "engine/cli/answer.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace sluice::cli {
namespace {

struct Printed {
  bool fine = false;
  std::string out;
  std::string err;
};

Printed print(const std::string& answer, bool has_end, std::size_t piece) {
  std::ostringstream out;
  std::ostringstream err;
  AnswerPrinter printer(has_end, out, err);
  for (std::size_t at = 0; at < answer.size(); at += piece) printer.feed(std::string_view(answer).substr(at, piece));
  const bool fine = printer.finish();
  return {fine, out.str(), err.str()};
}

void expect(const std::string& answer, bool has_end, const Printed& wanted) {
  for (const std::size_t piece : {1U, 3U, 1000U}) {
    const Printed printed = print(answer, has_end, piece);
    EXPECT_EQ(printed.fine, wanted.fine) << answer;
    EXPECT_EQ(printed.out, wanted.out);
    EXPECT_EQ(printed.err, wanted.err);
  }
}

TEST(AnswerPrinter, PartsDataFromWhatIsForTheReader) {
  expect("[\n {}\n]\nend\n", true, {true, "[\n {}\n]\n", ""});
  expect("[\n]\nnote: ... and more\nend\n", true, {true, "[\n]\n", "sluicectl: ... and more\n"});
  expect("error: no such message\n", true, {false, "", "error: no such message\n"});
  expect("core  sessions\n0     end\nend\n", false, {true, "core  sessions\n0     end\nend\n", ""});
  expect("error: why\nerror: and why\n", false, {false, "", "error: why\nerror: and why\n"});
}

// A list that ended in the middle looked like one that was whole.
TEST(AnswerPrinter, AnAnswerWithoutItsEndIsCutOff) {
  const std::string cut = "sluicectl: the answer was cut off: there is more than this\n";
  expect("", true, {false, "", cut});
  expect("[\n {\"id\"", true, {false, "[\n {\"id\"", cut});
  expect("id  state\n1   held\n", true, {false, "id  state\n1   held\n", cut});
  expect("[\n {},\nerror: the relay is being stopped\n", true,
         {false, "[\n {},\n", "error: the relay is being stopped\n"});
}

// A list of sessions, a counter, and not only what is about the queue.
TEST(AnswerPrinter, EveryLongAnswerHasAnEnd) {
  for (const char* request : {"queue list", "sessions", "sessions json", "pools json", "counters", "status"})
    EXPECT_TRUE(answer_has_end(request)) << request;
  for (const char* request : {"reload", "drain"}) EXPECT_FALSE(answer_has_end(request)) << request;
}

// The relay ended before it could say that it has reloaded.
TEST(AnswerPrinter, NothingAtAllIsNoAnswer) {
  expect("", false, {false, "", "sluicectl: the answer was cut off: there is more than this\n"});
  expect("reloaded\n", false, {true, "reloaded\n", ""});
}

}  // namespace
}  // namespace sluice::cli
