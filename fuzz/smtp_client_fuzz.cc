// Checks that no next hop can bring the client's dialog to fall: replies go to the commands that
// asked, in order; what is kept of them is bounded and clean; any split of the bytes gives the same
// replies; and every command is one clean line. Input: one byte of split size, one of how many
// commands, the commands' bytes, then what the next hop sends.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/smtp/client.h"
#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

struct Seen {
  std::vector<std::string> texts;
  std::vector<std::uint16_t> codes;
  bool malformed = false;
};

Seen parse(std::string_view bytes, std::size_t split) {
  Seen seen;
  ReplyParser parser;
  for (std::size_t at = 0; at < bytes.size(); at += split) {
    std::string_view piece = bytes.substr(at, split);
    while (!piece.empty()) {
      const ReplyParser::Step step = parser.step(piece);
      CHECK(step.consumed <= piece.size());
      piece.remove_prefix(step.consumed);
      if (step.status == ReplyStatus::malformed) {
        seen.malformed = true;
        return seen;
      }
      if (step.status == ReplyStatus::need_more) continue;
      const ParsedReply& reply = parser.reply();
      CHECK(reply.code >= 200 && reply.code <= 599 && reply.text.size() <= kNextHopReplyBytesMax);
      CHECK(reply.lines >= 1);
      seen.texts.push_back(reply.text);
      seen.codes.push_back(reply.code);
    }
  }
  return seen;
}

// What is shown to our client of any reply is well formed.
void check_relayed(const ParsedReply& reply) {
  std::string out;
  ReplyWriter(out).write(reply.relayed());
  CHECK(out.ends_with("\r\n"));
  std::size_t lines = 0;
  for (std::string_view rest = out; !rest.empty(); ++lines) {
    const std::size_t end = rest.find("\r\n") + 2;
    CHECK(end <= kReplyLineBytesMax);
    rest.remove_prefix(end);
  }
  CHECK(lines <= kRelayedLinesMax);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool control = (out[i] >= 0 && out[i] < 0x20) || out[i] == 0x7f;
    CHECK(!control || out[i] == '\r' || out[i] == '\n' || out[i] == '\t');
  }
}

void ask(ClientMachine& client, std::uint8_t what, std::vector<Expect>& asked, std::string& out) {
  switch (what % 10) {
    case 0:
      client.append_ehlo("us.example", out);
      asked.push_back(Expect::ehlo);
      break;
    case 1:
      client.append_mail("a@b", {.size = 1, .body = Body::eight_bit_mime, .ret = Ret::full, .envid = "e", .auth = "<>"},
                         out);
      asked.push_back(Expect::mail);
      break;
    case 2:
      client.append_recipient("c@d", {.notify = {.failure = true}, .orcpt = "rfc822;c@d"}, out);
      asked.push_back(Expect::recipient);
      break;
    case 3:
      client.append_data(out);
      asked.push_back(Expect::data);
      break;
    case 4:
      client.append_bdat(what, false, out);
      asked.push_back(Expect::chunk);
      break;
    case 5:
      client.append_bdat(what, true, out);
      asked.push_back(Expect::message);
      break;
    case 6:
      client.append_rset(out);
      asked.push_back(Expect::rset);
      break;
    case 7:
      client.append_auth_plain("user", "secret", out);
      asked.push_back(Expect::auth);
      break;
    default:
      client.append_helo("us.example", out);
      asked.push_back(Expect::helo);
      break;
  }
}

void check_dialog(std::string_view commands, std::string_view bytes, std::size_t split) {
  ClientMachine client;
  std::vector<Expect> asked{Expect::greeting};
  std::string out;
  for (const char c : commands) ask(client, static_cast<std::uint8_t>(c), asked, out);
  CHECK(static_cast<std::size_t>(std::ranges::count(out, '\n')) == asked.size() - 1);
  std::size_t answered = 0;
  for (std::size_t at = 0; at < bytes.size(); at += split) {
    std::string_view piece = bytes.substr(at, split);
    while (!piece.empty()) {
      const ClientStep step = client.next_reply(piece);
      CHECK(step.consumed <= piece.size());
      piece.remove_prefix(step.consumed);
      if (step.event == ClientEvent::protocol_error) {
        CHECK(client.closing());
        return;
      }
      if (step.event == ClientEvent::need_more) continue;
      check_relayed(client.reply());
      if (step.expect == Expect::unasked) {
        CHECK(answered == asked.size() && client.reply().code == 421);
      } else {
        CHECK(answered < asked.size() && step.expect == asked[answered]);
        ++answered;
      }
      CHECK(client.outstanding() == asked.size() - answered);
    }
  }
}

}  // namespace
}  // namespace sluice::smtp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::smtp;
  if (size < 2) return 0;
  const std::string all(data + 2, data + size);
  const std::size_t commands = std::min<std::size_t>(data[1] % 32, all.size());
  const std::string_view bytes = std::string_view(all).substr(commands);
  const std::size_t split = std::size_t{data[0]} + 1;
  const Seen one = parse(bytes, bytes.size() + 1);
  const Seen two = parse(bytes, split);
  CHECK(one.texts == two.texts && one.codes == two.codes && one.malformed == two.malformed);
  check_dialog(std::string_view(all).substr(0, commands), bytes, split);
  return 0;
}
