#include "engine/control/queue_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "auth/secret.h"
#include "auth/text.h"
#include "engine/base/network.h"
#include "engine/control/words.h"
#include "engine/route/table.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/path.h"

namespace sluice::control {
namespace {

constexpr std::string_view kQueueWord = "queue";
constexpr std::string_view kPostmaster = "postmaster";
constexpr std::size_t kIdBytesMax = 64;
constexpr std::size_t kClientBytesMax = 64;
constexpr std::size_t kSubjectBytesMax = 200;
constexpr std::size_t kStatusBytesMax = std::string_view("5.999.999").size();
// A value that is no filter.
struct QueueWord {
  std::string_view name;
  std::string QueueRequest::* text;
  std::size_t bytes_max;
};
// In the order of the line.
constexpr std::array kQueueWords{QueueWord{"reason", &QueueRequest::reason, kHoldReasonBytesMax},
                                 QueueWord{"text", &QueueRequest::text, kRejectTextBytesMax},
                                 QueueWord{"status", &QueueRequest::status, kStatusBytesMax}};
// A local part, "@" and a domain; the name of a route, "/" and a domain.
constexpr std::size_t kAddressBytesMax = 64 + 1 + 255;

constexpr std::array kAllQueueFilters{
    QueueFilter{"id", "ID", &QueueRequest::id, kIdBytesMax},
    QueueFilter{"customer", "NAME", &QueueRequest::customer, auth::kCustomerBytesMax},
    QueueFilter{"sender", "ADDRESS", &QueueRequest::sender, kAddressBytesMax},
    QueueFilter{"recipient", "ADDRESS", &QueueRequest::recipient, kAddressBytesMax},
    QueueFilter{"destination", "DESTINATION", &QueueRequest::destination, kAddressBytesMax},
    QueueFilter{"account", "ACCOUNT", &QueueRequest::account, auth::kNameBytesMax},
    QueueFilter{"client", "ADDRESS|NETWORK", &QueueRequest::client, kClientBytesMax},
    QueueFilter{"subject", "TEXT", &QueueRequest::subject, kSubjectBytesMax},
    QueueFilter{"like", "ID", &QueueRequest::like, kIdBytesMax}};

constexpr std::array kVerbs{QueueVerbName{"list", QueueVerb::list},
                            QueueVerbName{"show", QueueVerb::show},
                            QueueVerbName{"flush", QueueVerb::flush},
                            QueueVerbName{"hold", QueueVerb::hold},
                            QueueVerbName{"release", QueueVerb::release},
                            QueueVerbName{"remove", QueueVerb::remove},
                            QueueVerbName{"destinations", QueueVerb::destinations},
                            QueueVerbName{"review", QueueVerb::review},
                            QueueVerbName{"reject", QueueVerb::reject}};

constexpr std::size_t line_bytes_max() {
  std::size_t size = std::string_view("queue destinations message json all held limit=10000").size();
  for (const QueueFilter& filter : kAllQueueFilters) size += 1 + filter.name.size() + 1 + 3 * filter.bytes_max;
  for (const QueueWord& word : kQueueWords) size += 1 + word.name.size() + 1 + 3 * word.bytes_max;
  return size;
}
static_assert(line_bytes_max() < kQueueRequestBytesMax);

bool shows_many(QueueVerb verb) {
  return verb == QueueVerb::list || verb == QueueVerb::destinations || verb == QueueVerb::review;
}

std::string reason_fault(const QueueRequest& request) {
  if (request.message && request.verb != QueueVerb::show) return "takes no --message";
  if (request.message && request.reason.empty()) return "--message needs --reason TEXT: who reads mail says why";
  if (request.reason.empty()) return "";
  if (!request.message && request.verb != QueueVerb::hold && request.verb != QueueVerb::reject)
    return "takes no --reason";
  // It is shown to operators, and in a DSN.
  const bool printable = std::ranges::all_of(request.reason, [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && request.reason.size() <= kHoldReasonBytesMax) return "";
  return "--reason takes up to " + std::to_string(kHoldReasonBytesMax) + " printable ASCII characters";
}

// What a sender is told.  A report may have any text, but none that could be more than text to a terminal.
std::string rejection_fault(const QueueRequest& request) {
  if (request.verb != QueueVerb::reject) {
    if (!request.text.empty()) return "takes no --text";
    return request.status.empty() ? "" : "takes no --status";
  }
  if (request.text.size() > kRejectTextBytesMax || !auth::is_clean_text(request.text))
    return "--text takes up to " + std::to_string(kRejectTextBytesMax) + " bytes of UTF-8 without control characters";
  if (request.status.empty() || parse_failure_status(request.status)) return "";
  return "--status takes 5.X.Y, such as 5.1.2";
}

// What a filter's text must be, whatever the verb.
std::string filter_fault(const QueueRequest& request) {
  for (const QueueFilter& filter : kAllQueueFilters) {
    const std::string& text = request.*filter.text;
    const std::string option = "--" + std::string(filter.name);
    if (text.size() > filter.bytes_max) return option + " takes up to " + std::to_string(filter.bytes_max) + " bytes";
    if (!auth::is_clean_text(text)) return option + " takes UTF-8 without control characters";
  }
  const std::string& sender = request.sender;
  if (!sender.empty() && sender != route::kNullSender && !sender.contains('@'))
    return "--sender takes USER@DOMAIN, @DOMAIN or <>";
  const std::string& recipient = request.recipient;
  if (!recipient.empty() && !recipient.contains('@') && !smtp::equals_ignore_case(recipient, kPostmaster)) {
    return "--recipient takes USER@DOMAIN, @DOMAIN or postmaster";
  }
  if (!request.client.empty())
    if (const auto network = Network::parse(request.client); !network) return "--client " + network.error();
  if (std::string fault = rejection_fault(request); !fault.empty()) return fault;
  return reason_fault(request);
}

// Takes over one word behind the verb; false where it is none.
bool take_word(std::string_view word, QueueRequest& request) {
  if (word == "json") return request.json = true;
  if (word == "all") return request.all = true;
  if (word == "held") return request.held = true;
  if (word == "message") return request.message = true;
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = word.substr(0, equals);
  const std::string_view text = word.substr(equals + 1);
  if (name == "limit") {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), request.limit.emplace());
    return error == std::errc() && end == text.data() + text.size();
  }
  const auto filter = std::ranges::find(kAllQueueFilters, name, &QueueFilter::name);
  const auto other = std::ranges::find(kQueueWords, name, &QueueWord::name);
  if (filter == kAllQueueFilters.end() && other == kQueueWords.end()) return false;
  auto value = unescaped(text);
  if (!value) return false;
  request.*(filter != kAllQueueFilters.end() ? filter->text : other->text) = *std::move(value);
  return true;
}

std::string_view take_up_to_blank(std::string_view& rest) {
  const std::size_t blank = rest.find(' ');
  const std::string_view word = rest.substr(0, blank);
  rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
  return word;
}

}  // namespace

constinit const std::span<const QueueFilter> kQueueFilters = kAllQueueFilters;
constinit const std::span<const QueueVerbName> kQueueVerbs = kVerbs;

std::optional<smtp::EnhancedCode> parse_failure_status(std::string_view text) {
  if (!text.starts_with("5.")) return std::nullopt;
  text.remove_prefix(2);
  smtp::EnhancedCode code{.cls = 5};
  for (std::uint16_t* const part : {&code.subject, &code.detail}) {
    const std::size_t size = part == &code.subject ? std::min(text.find('.'), text.size()) : text.size();
    const std::string_view digits = text.substr(0, size);
    // RFC 3463 2: up to three digits, without leading zeroes.
    if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *part);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return code;
}

bool changes_queue(QueueVerb verb) { return !shows_many(verb) && verb != QueueVerb::show; }

std::string queue_request_fault(const QueueRequest& request) {
  if (std::string fault = filter_fault(request); !fault.empty()) return fault;
  if (request.limit && (*request.limit < 1 || *request.limit > kQueueLimitMax))
    return "--limit takes a whole number from 1 to " + std::to_string(kQueueLimitMax);
  if (request.limit && !shows_many(request.verb)) return "takes no --limit";
  if (request.all && !changes_queue(request.verb)) return "takes no --all";
  if (changes_queue(request.verb) && request.has_filter() == request.all)
    return request.all ? "takes either a filter or --all" : "needs an ID, a filter or --all";
  QueueRequest rest = request;
  if (request.verb == QueueVerb::show) {
    if (request.id.empty()) return "needs an ID";
    rest.id.clear();
    if (rest.has_filter() || rest.held) return "takes an ID and no filters";
  }
  if (request.verb == QueueVerb::destinations) {
    rest.destination.clear();
    if (rest.has_filter() || rest.held) return "takes no filter but --destination";
  }
  return "";
}

std::string encode_queue_request(const QueueRequest& request) {
  std::string line(kQueueWord);
  const auto verb = std::ranges::find(kVerbs, request.verb, &QueueVerbName::verb);
  (line += ' ') += verb->name;
  if (request.message) line += " message";
  if (request.json) line += " json";
  if (request.all) line += " all";
  if (request.held) line += " held";
  // Where that is what holds anyway, it is not said.
  if (request.limit && (request.json || *request.limit != kQueueLimitDefault))
    line += " limit=" + std::to_string(*request.limit);
  for (const QueueFilter& filter : kAllQueueFilters) {
    if ((request.*filter.text).empty()) continue;
    ((line += ' ') += filter.name) += '=';
    append_escaped(line, request.*filter.text);
  }
  for (const QueueWord& word : kQueueWords)
    if (!(request.*word.text).empty()) append_escaped(((line += ' ') += word.name) += '=', request.*word.text);
  return line;
}

std::expected<QueueRequest, std::string> decode_queue_request(std::string_view line) {
  if (line.size() > kQueueRequestBytesMax) return std::unexpected("the request is too long");
  std::string_view rest = line;
  if (take_up_to_blank(rest) != kQueueWord) return std::unexpected("this is no request to the queue");
  const auto verb = std::ranges::find(kVerbs, take_up_to_blank(rest), &QueueVerbName::name);
  if (verb == kVerbs.end()) return std::unexpected("the queue knows no such command");
  QueueRequest request{.verb = verb->verb};
  while (!rest.empty()) {
    if (!take_word(take_up_to_blank(rest), request))
      return std::unexpected("there is a word in the request that is not known");
  }
  return if_as_written(std::move(request), line, queue_request_fault, encode_queue_request);
}

bool matches_address(std::string_view filter, std::string_view mailbox) {
  if (filter == route::kNullSender) return mailbox.empty();
  const std::string_view domain = route::domain_of(mailbox);
  if (filter.starts_with('@')) return !domain.empty() && smtp::same_domain(filter.substr(1), domain);
  // A local part is compared as it is (RFC 5321 section 2.4), but for Postmaster's.
  if (domain.empty()) return smtp::equals_ignore_case(filter, mailbox);
  const std::string_view local = mailbox.substr(0, mailbox.size() - domain.size());
  return filter.starts_with(local) && smtp::same_domain(filter.substr(local.size()), domain);
}

}  // namespace sluice::control
