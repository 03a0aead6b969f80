// Dialogs as they are read: tests/dialogs/*.smtp.
//
//   # a remark
//   ! open               no client has to log in or to use TLS (the default is a submission listener
//   that requires both) ! tls                implicit TLS ! set NAME NUMBER    a limit of
//   ServerProfile ! off EXTENSION      one extension less ! whole              is about what comes
//   in one segment: not tried byte by byte C: text              the client sends text and CRLF.
//   Lines without an S: between them are one segment C+ text              the same without CRLF. In
//   both: \r \n \0 \\ and \xHH S: text              the server answers this line next; a final *
//   stands for any rest, and S: 250 ...           for all lines of one reply with this code !
//   handshake          the client starts TLS ! closed             the server has closed ! messages
//   N         so many messages were taken since the start ! content text       and the last one's
//   content was this, as it came
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/smtp/server.h"

namespace sluice::smtp {

enum class ScriptVerb : std::uint8_t { send, expect, handshake, closed, messages, content };

struct ScriptStep {
  ScriptVerb verb = ScriptVerb::send;
  std::string text;
  int line = 0;
};

struct Script {
  ServerProfile profile;
  bool tls = false;
  bool whole_only = false;
  std::vector<ScriptStep> steps;
  std::string error;  // what is wrong with the script itself
};

Script parse_script(std::string_view text);
// Empty, or what went otherwise.  `segment_max`: bytes that are given to the server at a time.
std::string run_script(const Script& script, std::size_t segment_max);

ServerProfile submission_profile();
ServerProfile open_profile();

}  // namespace sluice::smtp
