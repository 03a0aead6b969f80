#include "auth/backend/ldap.h"

#include <algorithm>
#include <utility>

#include "auth/backend/client_library.h"
#include "auth/backend/ldap_connection.h"
#include "auth/backend/ldap_template.h"
#include "auth/backend/threads.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

using Kind = Verdict::Kind;
using Checked = std::expected<Verdict, std::string>;

struct LdapSettings {
  LibraryLogin login;
  LdapTemplate base;
  LdapTemplate filter;
  bool searches = false;
  std::vector<std::string> attributes;  // that are asked for
};

class LdapClient final : public BlockingClient {
 public:
  explicit LdapClient(const LdapSettings& settings) : settings_(settings) {}

  [[nodiscard]] Found check(const Credentials& credentials) override {
    const io::BlockingDeadline deadline(settings_.login.options.timeout);
    for (;;) {
      const bool kept = searcher_ != nullptr || binder_ != nullptr;
      Checked checked = settings_.searches ? search_then_bind(credentials, deadline) : bind_as(credentials, deadline);
      if (checked) return {.verdict = *std::move(checked), .hash = {}};
      searcher_.reset();
      binder_.reset();
      // One that was kept may have been closed by the server: whatever it is, a new one says.
      if (!kept || deadline.is_over())
        return {.verdict = Verdict::of(Kind::unavailable, std::move(checked.error())), .hash = {}};
    }
  }

  [[nodiscard]] MailboxState look_up(const Credentials& credentials) override {
    if (!settings_.searches) return MailboxState::untold;
    const io::BlockingDeadline deadline(settings_.login.options.timeout);
    for (;;) {
      const bool kept = searcher_ != nullptr;
      if (const auto entries = search(credentials, deadline))
        return entries->empty() ? MailboxState::gone : MailboxState::exists;
      searcher_.reset();
      if (!kept || deadline.is_over()) return MailboxState::untold;
    }
  }

 private:
  using Connection = std::unique_ptr<LdapConnection>;
  std::expected<std::vector<LdapEntry>, std::string> search(const Credentials& credentials,
                                                            const io::BlockingDeadline& deadline);
  Checked search_then_bind(const Credentials& credentials, const io::BlockingDeadline& deadline);
  Checked bind_as(const Credentials& credentials, const io::BlockingDeadline& deadline);
  // True: the password is right.
  std::expected<bool, std::string> bind(const std::string& dn, const Credentials& credentials,
                                        const io::BlockingDeadline& deadline);
  std::expected<Connection, std::string> open(const io::BlockingDeadline& deadline);
  std::expected<void, std::string> open_searcher(const io::BlockingDeadline& deadline);
  [[nodiscard]] Checked granted(const LdapEntry& entry) const;

  const LdapSettings& settings_;
  Connection searcher_;  // bound as ourselves
  Connection binder_;    // bound as the user who logged in last
};

std::expected<LdapClient::Connection, std::string> LdapClient::open(const io::BlockingDeadline& deadline) {
  std::string errors;
  for (const BackendServer& server : settings_.login.options.servers) {
    auto opened = LdapConnection::open(settings_.login, server, deadline);
    if (opened) return opened;
    errors += (errors.empty() ? "" : "; ") + opened.error();
    if (deadline.is_over()) break;
  }
  return std::unexpected(std::move(errors));
}

std::expected<void, std::string> LdapClient::open_searcher(const io::BlockingDeadline& deadline) {
  if (searcher_ != nullptr) return {};
  auto opened = open(deadline);
  if (!opened) return std::unexpected(std::move(opened.error()));
  const LibraryLogin& login = settings_.login;
  if (!login.options.user.empty()) {
    const auto bound = (*opened)->bind(login.options.user, login.password, deadline);
    if (!bound) return std::unexpected(bound.error());
    if (!*bound) return std::unexpected("the server refuses our own login, as " + login.options.user);
  }
  searcher_ = *std::move(opened);
  return {};
}

std::expected<bool, std::string> LdapClient::bind(const std::string& dn, const Credentials& credentials,
                                                  const io::BlockingDeadline& deadline) {
  // Such a bind proves nothing (RFC 4513 5.1.1, 5.1.2).
  if (dn.empty() || credentials.secret.reveal().empty())
    return std::unexpected("an entry without a name, or an empty password, is no login");
  if (binder_ == nullptr) {
    auto opened = open(deadline);
    if (!opened) return std::unexpected(std::move(opened.error()));
    binder_ = *std::move(opened);
  }
  return binder_->bind(dn, credentials.secret.reveal(), deadline);
}

std::expected<std::vector<LdapEntry>, std::string> LdapClient::search(const Credentials& credentials,
                                                                      const io::BlockingDeadline& deadline) {
  if (auto ready = open_searcher(deadline); !ready) return std::unexpected(std::move(ready.error()));
  return searcher_->search({.base = settings_.base.text_for(credentials),
                            .scope = LdapConnection::Scope::subtree,
                            .filter = settings_.filter.text_for(credentials),
                            .attributes = settings_.attributes},
                           deadline);
}

Checked LdapClient::search_then_bind(const Credentials& credentials, const io::BlockingDeadline& deadline) {
  const auto entries = search(credentials, deadline);
  if (!entries) return std::unexpected(entries.error());
  if (entries->empty()) return Verdict::of(Kind::unknown);
  if (entries->size() > 1) return Verdict::of(Kind::unavailable, "the filter finds more than one entry");
  const auto right = bind(entries->front().dn, credentials, deadline);
  if (!right) return std::unexpected(right.error());
  if (!*right) return Verdict::of(Kind::wrong);
  return granted(entries->front());
}

Checked LdapClient::bind_as(const Credentials& credentials, const io::BlockingDeadline& deadline) {
  const std::string dn = settings_.base.text_for(credentials);
  const auto right = bind(dn, credentials, deadline);
  if (!right) return std::unexpected(right.error());
  if (!*right) return Verdict::of(Kind::wrong);
  if (settings_.attributes.empty()) return Verdict::of(Kind::granted);
  const auto entries = binder_->search({.base = dn,
                                        .scope = LdapConnection::Scope::base,
                                        .filter = "(objectClass=*)",
                                        .attributes = settings_.attributes},
                                       deadline);
  if (!entries) return std::unexpected(entries.error());
  if (entries->size() != 1) return Verdict::of(Kind::unavailable, "who is logged in may not read its own entry");
  return granted(entries->front());
}

Checked LdapClient::granted(const LdapEntry& entry) const {
  const BackendOptions& options = settings_.login.options;
  Verdict verdict = Verdict::of(Kind::granted);
  for (std::size_t i = 0; i < settings_.attributes.size(); ++i) {
    const std::string& field = settings_.attributes[i];
    const std::vector<std::string>& values = entry.attributes[i];
    if (!std::ranges::all_of(values, is_clean_text))
      return Verdict::of(Kind::unavailable, "attribute " + field + " is no clean text");
    if (field == options.domains_field) verdict.domains = values;
    const bool single = field == options.customer_field || field == options.account_field;
    if (single && values.size() > 1)
      return Verdict::of(Kind::unavailable, "attribute " + field + " has more than one value");
    if (values.empty()) continue;
    if (field == options.customer_field) verdict.customer = values.front();
    if (field != options.account_field) continue;
    if (!Name::make(values.front())) return Verdict::of(Kind::unavailable, "attribute " + field + " is no name");
    verdict.account = values.front();
  }
  return verdict;
}

}  // namespace

OpenedBackend open_ldap(const BackendOptions& options) {
  LdapSettings settings;
  auto login = LibraryLogin::make(options);
  if (!login) return std::unexpected(std::move(login.error()));
  if (!options.user.empty() && login->password.empty())
    return std::unexpected("user has no password_file to go with it");
  settings.login = *std::move(login);
  auto base = LdapTemplate::parse(options.base);
  if (!base) return std::unexpected("base " + base.error());
  auto filter = LdapTemplate::parse(options.query);
  if (!filter) return std::unexpected("query " + filter.error());
  settings.base = *std::move(base);
  settings.filter = *std::move(filter);
  settings.searches = !options.query.empty();
  if (options.base.empty()) return std::unexpected("base is missing: the DN of all users, or of the one who logs in");
  if (settings.searches && !settings.filter.has_parameters())
    return std::unexpected("query asks for nobody: it has no %{user}, %{local} or %{domain}");
  if (!settings.searches && !settings.base.has_parameters())
    return std::unexpected(
        "base is one DN for everybody: it has no %{user}, %{local} or %{domain}, and there is no query");
  for (const std::string& field : {options.account_field, options.customer_field, options.domains_field})
    if (!field.empty() && std::ranges::find(settings.attributes, field) == settings.attributes.end())
      settings.attributes.push_back(field);
  const auto shared = std::make_shared<const LdapSettings>(std::move(settings));
  return make_threaded_source(shared->login.options, [shared] { return std::make_unique<LdapClient>(*shared); });
}

}  // namespace sluice::auth
