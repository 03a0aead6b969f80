// Writes the report that a description asks for, so that others can read it with their own parser.
// On standard input, a line a value: `key value`, in which \r, \n, \\ and \xHH are bytes.
// `recipient ADDRESS` begins a recipient, and what follows of `notify`, `orcpt`, `fate`, `code`,
// ... is about it. On standard output: how the report is sent ("FROM <> ...", "TO <...>"), an empty
// line, the report; or `nothing`.
#include <cstdint>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dsn/dsn.h"
#include "engine/smtp/ascii.h"

namespace {

using sluice::dsn::ReportKind;
using sluice::message::BodyForm;
using sluice::message::Fate;

struct Description {
  sluice::message::Envelope envelope;
  sluice::message::DeliveryStatus status;
  ReportKind kind = ReportKind::failure;
  std::string content;
  bool whole = false;
  bool dot_stuffed = false;
  bool eight_bit = true;
  std::string reporting_mta = "relay.test";
  std::string postmaster = "MAILER-DAEMON@relay.test";
  std::string policy_url;
  sluice::WallMillis arrived = 0;
  sluice::WallMillis now = 0;
  sluice::WallMillis retry_until = 0;
  std::uint64_t random = 1;

  sluice::message::Recipient& recipient() { return envelope.recipients.back(); }
  sluice::message::RecipientStatus& last() { return status.recipients.back(); }
};

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x' && i + 2 < text.size()) {
      out += static_cast<char>(sluice::smtp::hex_value(text[i + 1]) * 16 + sluice::smtp::hex_value(text[i + 2]));
      i += 2;
    } else {
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c;
    }
  }
  return out;
}

using Setter = std::function<void(Description&, const std::string&)>;

const std::map<std::string, Setter, std::less<>>& message_keys() {
  static const std::map<std::string, Setter, std::less<>> kKeys{
      {"reverse_path", [](auto& d, const auto& v) { d.envelope.reverse_path = v; }},
      {"id", [](auto& d, const auto& v) { d.envelope.id = v; }},
      {"envid", [](auto& d, const auto& v) { d.envelope.envid = v; }},
      {"smtputf8", [](auto& d, const auto&) { d.envelope.smtputf8 = true; }},
      {"ret",
       [](auto& d, const auto& v) {
         d.envelope.ret = v == "full" ? sluice::smtp::Ret::full : sluice::smtp::Ret::headers;
       }},
      {"kind",
       [](auto& d, const auto& v) {
         d.kind = v == "delay" ? ReportKind::delay : v == "success" ? ReportKind::success : ReportKind::failure;
       }},
      {"content", [](auto& d, const auto& v) { d.content = v; }},
      {"whole", [](auto& d, const auto&) { d.whole = true; }},
      {"dot_stuffed", [](auto& d, const auto&) { d.dot_stuffed = true; }},
      {"seven_bit", [](auto& d, const auto&) { d.eight_bit = false; }},
      {"reporting_mta", [](auto& d, const auto& v) { d.reporting_mta = v; }},
      {"postmaster", [](auto& d, const auto& v) { d.postmaster = v; }},
      {"policy_url", [](auto& d, const auto& v) { d.policy_url = v; }},
      {"arrived", [](auto& d, const auto& v) { d.arrived = std::stoll(v); }},
      {"now", [](auto& d, const auto& v) { d.now = std::stoll(v); }},
      {"retry_until", [](auto& d, const auto& v) { d.retry_until = std::stoll(v); }},
      {"random", [](auto& d, const auto& v) { d.random = std::stoull(v); }},
  };
  return kKeys;
}

sluice::smtp::EnhancedCode enhanced_code(const std::string& text) {
  std::string_view rest;
  return sluice::smtp::parse_enhanced_code(text, rest);
}

const std::map<std::string, Setter, std::less<>>& recipient_keys() {
  static const std::map<std::string, Fate, std::less<>> kFates{
      {"waiting", Fate::waiting}, {"relayed", Fate::relayed}, {"delivered", Fate::delivered},
      {"failed", Fate::failed},   {"expired", Fate::expired}, {"removed", Fate::removed}};
  static const std::map<std::string, Setter, std::less<>> kKeys{
      {"orcpt", [](auto& d, const auto& v) { d.recipient().orcpt = v; }},
      {"fate", [](auto& d, const auto& v) { d.last().fate = kFates.at(v); }},
      {"code", [](auto& d, const auto& v) { d.last().code = static_cast<std::uint16_t>(std::stoul(v)); }},
      {"enhanced", [](auto& d, const auto& v) { d.last().enhanced = enhanced_code(v); }},
      {"text", [](auto& d, const auto& v) { d.last().text = v; }},
      {"next_hop", [](auto& d, const auto& v) { d.last().next_hop = v; }},
      {"at", [](auto& d, const auto& v) { d.last().at = std::stoll(v); }},
  };
  return kKeys;
}

bool set(Description& description, const std::string& line) {
  const std::size_t space = line.find(' ');
  const std::string key = line.substr(0, space);
  const std::string value = space == std::string::npos ? std::string() : unescaped(line.substr(space + 1));
  if (key == "recipient") {
    description.envelope.recipients.push_back({.forward_path = value});
    description.status.recipients.emplace_back();
    return true;
  }
  const auto& keys = message_keys().contains(key) ? message_keys() : recipient_keys();
  const auto setter = keys.find(key);
  if (setter == keys.end()) return false;
  setter->second(description, value);
  return true;
}

void print(const sluice::dsn::Report& report) {
  const auto& envelope = report.envelope;
  std::cout << "FROM <" << envelope.reverse_path << ">";
  if (envelope.body == sluice::smtp::Body::eight_bit_mime) std::cout << " BODY=8BITMIME";
  if (envelope.smtputf8) std::cout << " SMTPUTF8";
  if (envelope.size) std::cout << " SIZE=" << *envelope.size;
  std::cout << "\r\n";
  for (const auto& recipient : envelope.recipients) std::cout << "TO <" << recipient.forward_path << ">\r\n";
  std::cout << "\r\n" << report.content;
}

}  // namespace

int main() {
  Description description;
  std::string line;
  while (std::getline(std::cin, line)) {
    if (set(description, line)) continue;
    std::cerr << "write_report: what is \"" << line << "\"?\n";
    return 2;
  }
  std::vector<std::size_t> recipients(description.envelope.recipients.size());
  std::iota(recipients.begin(), recipients.end(), std::size_t{0});
  const auto report =
      sluice::dsn::build_report({.envelope = description.envelope,
                                 .status = description.status,
                                 .kind = description.kind,
                                 .recipients = recipients,
                                 .header_or_content = description.content,
                                 .content_is_whole = description.whole,
                                 .form = description.dot_stuffed ? BodyForm::dot_stuffed : BodyForm::literal,
                                 .eight_bit = description.eight_bit,
                                 .reporting_mta = description.reporting_mta,
                                 .queue_id = "REPORT1",
                                 .arrived = description.arrived,
                                 .now = description.now,
                                 .retry_until = description.retry_until,
                                 .random = description.random,
                                 .postmaster = description.postmaster,
                                 .policy_url = description.policy_url});
  if (report)
    print(*report);
  else
    std::cout << "nothing\r\n";
  return 0;
}
