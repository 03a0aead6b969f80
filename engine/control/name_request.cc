#include "engine/control/name_request.h"

#include <utility>

#include "auth/secret.h"
#include "auth/text.h"
#include "engine/control/words.h"
#include "engine/text/json_text.h"

namespace sluice::control {
namespace {

constexpr std::string_view kName = "name";
constexpr std::string_view kNameAccount = " account=";
constexpr std::string_view kNameCustomer = " customer=";

}  // namespace

std::string name_request_fault(const NameRequest& request) {
  if (request.account.empty() == request.customer.empty()) return "takes an account or a customer";
  for (const std::string* name : {&request.account, &request.customer}) {
    if (name->size() > auth::kNameBytesMax)
      return "takes a name of up to " + std::to_string(auth::kNameBytesMax) + " bytes";
    if (!auth::is_clean_text(*name)) return "takes UTF-8 without control characters";
  }
  return "";
}

std::string encode_name_request(const NameRequest& request) {
  std::string line(kName);
  if (!request.account.empty()) append_escaped(line += kNameAccount, request.account);
  if (!request.customer.empty()) append_escaped(line += kNameCustomer, request.customer);
  return line;
}

std::expected<NameRequest, std::string> decode_name_request(std::string_view line) {
  NameRequest request;
  std::string_view rest = line;
  if (!take_text(rest, kName)) return not_as_written();
  // What cannot be read is no request that has this line: see below.
  static_cast<void>(take_value(rest, kNameAccount, request.account));
  static_cast<void>(take_value(rest, kNameCustomer, request.customer));
  return if_as_written(std::move(request), line, name_request_fault, encode_name_request);
}

std::string render_name(const std::string& unknown) {
  return "{" + text::json_string(kNameUnknown) + ": " + text::json_string(unknown) + "}\n";
}

}  // namespace sluice::control
