#include "engine/control/noticed_request.h"

#include <array>
#include <utility>
#include <vector>

#include "auth/secret.h"
#include "auth/text.h"
#include "engine/control/words.h"
#include "engine/text/table_text.h"

namespace sluice::control {
namespace {

constexpr std::string_view kNoticed = "noticed";
constexpr std::string_view kNoticedRelease = " release";
constexpr std::string_view kNoticedAccount = " account=";

constexpr std::array<std::string_view, 15> kNames{
    "account",  "class",    "step",    "effect",       "score",   "strikes",  "recipients", "first_time_recipients",
    "networks", "answered", "unknown", "spam_replies", "reasons", "until_ms", "known"};

std::vector<text::Cell> cells(const NoticedRequest& request, const NoticedAccount& account) {
  return {request.account,
          account.policy_class,
          account.step,
          account.effect,
          account.score,
          account.strikes,
          account.recipients,
          account.first_time_recipients,
          account.networks,
          account.answered,
          account.unknown,
          account.spam_replies,
          account.reasons,
          static_cast<std::uint64_t>(account.until),
          account.known ? "yes" : "no"};
}

}  // namespace

std::string noticed_request_fault(const NoticedRequest& request) {
  if (request.account.empty()) return "takes the name of an account";
  if (request.account.size() > auth::kNameBytesMax)
    return "takes a name of up to " + std::to_string(auth::kNameBytesMax) + " bytes";
  return auth::is_clean_text(request.account) ? "" : "takes UTF-8 without control characters";
}

std::string encode_noticed_request(const NoticedRequest& request) {
  std::string line(kNoticed);
  if (request.release) line += kNoticedRelease;
  if (request.json) line += kJson;
  append_escaped(line += kNoticedAccount, request.account);
  return line;
}

std::expected<NoticedRequest, std::string> decode_noticed_request(std::string_view line) {
  NoticedRequest request;
  std::string_view rest = line;
  if (!take_text(rest, kNoticed)) return not_as_written();
  request.release = take_text(rest, kNoticedRelease);
  request.json = take_text(rest, kJson);
  static_cast<void>(take_value(rest, kNoticedAccount, request.account));  // what cannot be read is not this line
  return if_as_written(std::move(request), line, noticed_request_fault, encode_noticed_request);
}

std::string render_noticed(const NoticedRequest& request, const NoticedAccount& account) {
  return text::json_object(kNames, cells(request, account)) + "\n";
}

std::string render_noticed_release(const NoticedRequest& request, bool known) {
  if (request.json) return std::string("{\"released\":") + (known ? "true" : "false") + "}\n";
  return text::printable(request.account) +
         (known ? ": all steps are lifted, and what led to them is forgotten; held mail waits for: sluicectl review\n"
                : ": has sent nothing that is remembered\n");
}

}  // namespace sluice::control
