#include "auth/backend/answered_owner.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/domain_list.h"
#include "auth/secret.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kReasonBytesMax = 300;

}  // namespace

bool set_account(Verdict& verdict, std::string_view account) {
  if (!account.empty() && !Name::make(account)) return false;
  verdict.account = account;
  return true;
}

bool set_customer(Verdict& verdict, std::string_view customer) {
  if (customer.size() > kCustomerBytesMax || !is_clean_text(customer)) return false;
  verdict.customer = customer;
  return true;
}

bool set_domains(Verdict& verdict, std::string_view domains) {
  std::vector<std::string> found;
  while (!domains.empty()) {
    const std::size_t end = domains.find(',');
    const std::string_view domain = without_blanks_around(domains.substr(0, end));
    domains = end == std::string_view::npos ? std::string_view() : domains.substr(end + 1);
    if (domain.empty()) continue;
    if (domain.size() > kDomainBytesMax || !is_clean_text(domain) || found.size() == kAnsweredDomainsMax) return false;
    found.emplace_back(domain);
  }
  verdict.domains = std::move(found);
  return true;
}

bool is_customer_text(std::string_view text) { return text.size() <= kReasonBytesMax && is_clean_text(text); }

}  // namespace sluice::auth
