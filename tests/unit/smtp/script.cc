#include "tests/unit/smtp/script.h"

#include <cstdlib>
#include <deque>
#include <sstream>

#include "engine/smtp/ascii.h"
#include "tests/unit/smtp/toy_server.h"

namespace sluice::smtp {
namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char kind = text[++i];
    if (kind == 'x' && i + 2 < text.size()) {
      out.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
      i += 2;
    } else {
      out.push_back(kind == 'r' ? '\r' : kind == 'n' ? '\n' : kind == '0' ? '\0' : kind);
    }
  }
  return out;
}

bool set_limit(ServerProfile& profile, const std::string& name, std::uint32_t value) {
  if (name == "recipients_max")
    profile.recipients_max = value;
  else if (name == "recipients_outstanding_max")
    profile.recipients_outstanding_max = value;
  else if (name == "recipients_refused_max")
    profile.recipients_refused_max = value;
  else if (name == "errors_max")
    profile.errors_max = value;
  else if (name == "idle_commands_max")
    profile.idle_commands_max = value;
  else if (name == "auth_failures_max")
    profile.auth_failures_max = value;
  else if (name == "message_bytes_max")
    profile.message_bytes_max = value;
  else if (name == "auth_without_tls")
    profile.auth_without_tls = value != 0;
  else if (name == "chunk_discard_bytes_max")
    profile.chunk_discard_bytes_max = value;
  else
    return false;
  return true;
}

bool switch_off(Extensions& on, const std::string& name) {
  if (name == "PIPELINING")
    on.pipelining = false;
  else if (name == "SIZE")
    on.size = false;
  else if (name == "8BITMIME")
    on.eight_bit_mime = on.smtputf8 = false;
  else if (name == "SMTPUTF8")
    on.smtputf8 = false;
  else if (name == "CHUNKING")
    on.chunking = false;
  else if (name == "DSN")
    on.dsn = false;
  else if (name == "LIMITS")
    on.limits = false;
  else if (name == "STARTTLS")
    on.starttls = false;
  else if (name == "AUTH")
    on.auth = false;
  else
    return false;
  return true;
}

bool take_directive(Script& script, const std::string& text, int line) {
  std::istringstream words(text);
  std::string verb;
  std::string name;
  words >> verb >> name;
  if (verb == "open") {
    script.profile = open_profile();
  } else if (verb == "tls") {
    script.tls = true;
  } else if (verb == "whole") {
    script.whole_only = true;
  } else if (verb == "set") {
    std::uint32_t value = 0;
    return (words >> value) && set_limit(script.profile, name, value);
  } else if (verb == "off") {
    return switch_off(script.profile.extensions, name);
  } else if (verb == "handshake") {
    script.steps.push_back({ScriptVerb::handshake, "", line});
  } else if (verb == "closed") {
    script.steps.push_back({ScriptVerb::closed, "", line});
  } else if (verb == "messages") {
    script.steps.push_back({ScriptVerb::messages, name, line});
  } else if (verb == "content") {
    script.steps.push_back({ScriptVerb::content, unescape(text.substr(std::min(text.size(), std::size_t{8}))), line});
  } else {
    return false;
  }
  return true;
}

class Runner {
 public:
  Runner(const Script& script, std::size_t segment_max)
      : script_(script), segment_max_(segment_max), server_(script.profile, script.tls) {
    take_output(server_.greet());
  }

  std::string run() {
    for (const ScriptStep& step : script_.steps) {
      if (step.verb != ScriptVerb::send) flush();
      const std::string wrong = do_step(step);
      if (!wrong.empty()) return "line " + std::to_string(step.line) + ": " + wrong;
    }
    flush();
    return lines_.empty() ? "" : "not expected: " + lines_.front();
  }

 private:
  std::string do_step(const ScriptStep& step) {
    switch (step.verb) {
      case ScriptVerb::send:
        segment_ += step.text;
        return "";
      case ScriptVerb::expect:
        return expect(step.text);
      case ScriptVerb::handshake:
        if (!server_.handshaking()) return "no handshake is due";
        server_.handshake();
        return "";
      case ScriptVerb::closed:
        return server_.closed() ? "" : "it is still open";
      case ScriptVerb::messages:
        return std::to_string(server_.messages().size()) == step.text
                   ? ""
                   : std::to_string(server_.messages().size()) + " messages";
      case ScriptVerb::content:
        if (server_.messages().empty()) return "no message";
        return server_.messages().back().content == step.text ? "" : "content is " + server_.messages().back().content;
    }
    return "";
  }

  std::string expect(const std::string& want) {
    if (lines_.empty()) return "nothing was said, not: " + want;
    if (want.ends_with(" ...")) {
      const std::string code = want.substr(0, 3);
      while (!lines_.empty() && lines_.front().starts_with(code + "-")) lines_.pop_front();
      if (lines_.empty() || !lines_.front().starts_with(code + " ")) return "no reply " + code;
      lines_.pop_front();
      return "";
    }
    const std::string got = lines_.front();
    lines_.pop_front();
    const bool fits = want.ends_with('*') ? got.starts_with(want.substr(0, want.size() - 1)) : got == want;
    return fits ? "" : "want " + want + "\n     got  " + got;
  }

  void flush() {
    std::string_view rest = segment_;
    while (!rest.empty()) {
      take_output(server_.feed(rest.substr(0, segment_max_)));
      rest.remove_prefix(std::min(rest.size(), segment_max_));
    }
    segment_.clear();
  }

  void take_output(std::string_view out) {
    while (!out.empty()) {
      const std::size_t end = out.find("\r\n");
      lines_.emplace_back(out.substr(0, end));
      out.remove_prefix(end + 2);
    }
  }

  const Script& script_;
  std::size_t segment_max_;
  ToyServer server_;
  std::string segment_;
  std::deque<std::string> lines_;
};

}  // namespace

ServerProfile submission_profile() {
  ServerProfile profile;
  profile.hostname = "mail.example.net";
  profile.policy_url = "https://example.net/policy";
  profile.mechanisms = {"PLAIN", "LOGIN"};
  return profile;
}

ServerProfile open_profile() {
  ServerProfile profile = submission_profile();
  profile.require_tls = false;
  profile.require_auth = false;
  profile.auth_without_tls = true;
  return profile;
}

Script parse_script(std::string_view text) {
  Script script;
  script.profile = submission_profile();
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
    ++number;
    const std::string rest = line.size() > 3 ? line.substr(3) : "";
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("C:")) {
      script.steps.push_back({ScriptVerb::send, unescape(rest) + "\r\n", number});
    } else if (line.starts_with("C+")) {
      script.steps.push_back({ScriptVerb::send, unescape(rest), number});
    } else if (line.starts_with("S:")) {
      script.steps.push_back({ScriptVerb::expect, rest, number});
    } else if (!line.starts_with("! ") || !take_directive(script, line.substr(2), number)) {
      script.error = "line " + std::to_string(number) + " is no step of a script: " + line;
      return script;
    }
  }
  const char* fault = profile_fault(script.profile);
  if (fault != nullptr) script.error = fault;
  return script;
}

std::string run_script(const Script& script, std::size_t segment_max) { return Runner(script, segment_max).run(); }

}  // namespace sluice::smtp
