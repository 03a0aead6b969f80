// The part of the control socket that is about names in requests which are unknown: a name that is mistyped is not one
// without mail.
#include <algorithm>
#include <utility>

#include "auth/text.h"
#include "engine/control/queue_request.h"
#include "engine/server/control.h"
#include "engine/text/did_you_mean.h"
#include "engine/text/table_text.h"

namespace sluice::server {
namespace {

// ", did you mean NAME?", or nothing.
std::string meant_text(std::string_view meant) {
  return meant.empty() ? std::string() : ", did you mean " + text::printable(meant) + "?";
}

std::string name_meant(std::string_view name, const std::vector<std::string>& names) {
  const std::vector<std::string_view> known(names.begin(), names.end());
  return meant_text(text::did_you_mean(name, known));
}

}  // namespace

std::string account_meant(std::string_view name, std::span<const std::string> names) {
  const auto parts_of = [](std::string_view whole) {
    const std::size_t at = std::min(whole.rfind('@'), whole.size());
    return std::pair(whole.substr(0, at), whole.substr(at));
  };
  const auto [local, domain] = parts_of(name);
  std::vector<std::string_view> locals;
  std::vector<std::string_view> domains;
  for (const std::string& each : names) {
    const auto [other_local, other_domain] = parts_of(each);
    if (other_domain == domain) locals.push_back(other_local);
    if (other_local == local) domains.push_back(other_domain);
  }
  if (const auto meant = text::did_you_mean(local, locals); !meant.empty()) return std::string(meant).append(domain);
  const auto meant = text::did_you_mean(domain, domains);
  return meant.empty() ? std::string() : std::string(local).append(meant);
}

Task<std::string> Control::customer_fault(std::string name) {
  const auto fault = co_await io::run_on_worker<std::string>(
      home_.loop(),
      [this, &name]() -> std::string {
        if (actions_.has_customer(name).value_or(true)) return "";
        return "no such customer" + name_meant(name, actions_.customers());
      },
      "the name of a customer");
  co_return fault.value_or("");
}

Task<Control::UnknownAccount> Control::unknown_account(std::string name) {
  const auto unknown = co_await io::run_on_worker<UnknownAccount>(
      home_.loop(),
      [this, key = auth::login_key(name)]() -> UnknownAccount {
        const auto names = actions_.accounts_about(key);
        if (!names || std::ranges::find(*names, key) != names->end()) return {};
        const std::string meant = meant_text(account_meant(key, *names));
        const bool elsewhere = actions_.accounts_elsewhere();
        return {.sentence = (elsewhere ? "the store has no such account" : "no such account") + meant,
                .elsewhere = elsewhere,
                .meant = !meant.empty()};
      },
      "the name of an account");
  co_return unknown.value_or(UnknownAccount{});
}

// Where another back end may know it, there is something to say if the store has one like it.
Task<std::string> Control::account_remark(std::string name) {
  const UnknownAccount unknown = co_await unknown_account(std::move(name));
  if (unknown.sentence.empty() || (unknown.elsewhere && !unknown.meant)) co_return "";
  const std::string kind =
      unknown.elsewhere ? std::string(control::kAnswerNote) : std::string(control::kAnswerError) + " ";
  co_return kind + unknown.sentence + "\n";
}

Task<std::string> Control::answer_about_name(std::string_view line) {
  const auto request = control::decode_name_request(line);
  if (!request) co_return "error: " + request.error() + "\n";
  std::string unknown;
  if (!request->customer.empty()) {
    unknown = co_await customer_fault(request->customer);
  } else if (UnknownAccount account = co_await unknown_account(request->account); !account.elsewhere || account.meant) {
    unknown = std::move(account.sentence);
  }
  co_return control::render_name(unknown).append(control::kAnswerEnd).append("\n");
}

Task<std::string> Control::ended_about_account(std::string text, std::string account) {
  std::string remark;
  if (!account.empty()) remark = co_await account_remark(std::move(account));
  if (remark.starts_with(control::kAnswerError)) co_return remark;
  co_return text.append(remark).append(control::kAnswerEnd).append("\n");
}

Task<std::optional<std::string>> Control::unknown_route(std::string name) {
  auto meant = co_await io::run_on_worker<std::optional<std::string>>(
      home_.loop(),
      [this, &name]() -> std::optional<std::string> {
        const std::vector<std::string> routes = actions_.routes();
        if (std::ranges::find(routes, name) != routes.end()) return std::nullopt;
        return name_meant(name, routes);
      },
      "the name of a route");
  co_return meant ? *std::move(meant) : std::nullopt;
}

}  // namespace sluice::server
