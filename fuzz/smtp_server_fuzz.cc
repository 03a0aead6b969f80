// Checks that no client can bring the server's dialog to fall or out of step: one reply a command
// and well formed (ToyServer checks), chunks counted to the byte, nothing taken that holds a bare
// CR or LF, no recipient twice or beyond the limit, no name that is not safe to write, nothing without a login where
// one is asked for, and the same dialog however it is split. Input: one byte of options, one of split size, then what
// the client sends.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/smtp/server.h"
#include "tests/unit/smtp/toy_server.h"

namespace sluice::smtp {
namespace {

ServerProfile make_profile(std::uint8_t options) {
  ServerProfile profile;
  profile.hostname = "mail.example.net";
  profile.policy_url = "https://example.net/policy";
  profile.mechanisms = {"PLAIN", "LOGIN"};
  profile.require_tls = (options & 1U) != 0;
  profile.require_auth = (options & 2U) != 0;
  profile.auth_without_tls = (options & 4U) != 0;
  profile.extensions.chunking = (options & 8U) == 0;
  profile.extensions.dsn = (options & 16U) == 0;
  profile.recipients_max = (options & 32U) != 0 ? 2 : 50;
  profile.recipients_outstanding_max = (options & 64U) != 0 ? 3 : 50;
  profile.errors_max = 1000;
  profile.idle_commands_max = 1000;
  CHECK(profile_fault(profile) == nullptr);
  return profile;
}

std::string converse(ToyServer& toy, std::string_view bytes, std::size_t split) {
  std::string said = toy.greet();
  for (std::size_t at = 0; at < bytes.size() && !toy.closed(); at += split) {
    if (toy.handshaking()) toy.handshake();
    said += toy.feed(bytes.substr(at, split));
  }
  return said;
}

bool is_path(const std::string& mailbox, PathKind kind) {
  const std::string path = "<" + mailbox + ">";
  const PathParse parsed = parse_path(path, kind, true);
  return parsed.fault == PathFault::none && parsed.size == path.size();
}

void check_messages(ToyServer& toy, const ServerProfile& profile) {
  const std::string_view name = toy.machine().hello_name();
  CHECK(name.empty() || is_hello_name(name));
  CHECK(toy.messages().empty() || !profile.require_auth || toy.logged_in());
  for (const ToyMessage& message : toy.messages()) {
    CHECK(!message.recipients.empty() && message.recipients.size() <= profile.recipients_max);
    CHECK(is_path(message.sender, PathKind::reverse));
    for (const std::string& recipient : message.recipients) {
      CHECK(is_path(recipient, PathKind::forward));
      CHECK(std::ranges::count(message.recipients, recipient) == 1);
    }
    for (std::size_t i = 0; i < message.content.size(); ++i) {
      if (message.content[i] == '\n') CHECK(i > 0 && message.content[i - 1] == '\r');
      if (message.content[i] == '\r') CHECK(i + 1 < message.content.size() && message.content[i + 1] == '\n');
    }
  }
}

}  // namespace
}  // namespace sluice::smtp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::smtp;
  if (size < 2) return 0;
  const ServerProfile profile = make_profile(data[0]);
  const std::string bytes(data + 2, data + size);
  const bool tls = (data[0] & 128U) != 0;
  ToyServer whole(profile, tls);
  ToyServer split(profile, tls);
  const std::string said_whole = converse(whole, bytes, bytes.size() + 1);
  const std::string said_split = converse(split, bytes, std::size_t{data[1]} % 64 + 1);
  check_messages(whole, profile);
  check_messages(split, profile);
  // What a segment holds behind STARTTLS, and content that did not wait for 354, are judged by the
  // segment.
  if (whole.saw_segments() || split.saw_segments()) return 0;
  CHECK(said_whole == said_split);
  CHECK(whole.messages().size() == split.messages().size());
  for (std::size_t i = 0; i < whole.messages().size(); ++i) {
    CHECK(whole.messages()[i].content == split.messages()[i].content);
    CHECK(whole.messages()[i].recipients == split.messages()[i].recipients);
  }
  return 0;
}
