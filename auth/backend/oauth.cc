#include "auth/backend/oauth.h"

#include <memory>
#include <mutex>
#include <utility>

#include "auth/backend/threads.h"
#include "auth/oauth/http_client.h"
#include "auth/oauth/introspection.h"
#include "auth/oauth/key_source.h"
#include "auth/oauth/token.h"
#include "engine/io/files.h"
#include "engine/io/real_platform.h"
#include "engine/tls/client_context.h"

namespace sluice::auth {
namespace {

using Kind = Verdict::Kind;

constexpr std::size_t kSecretFileBytesMax = 4096;

Found of(Kind kind, std::string reason) { return {.verdict = Verdict::of(kind, std::move(reason)), .hash = {}}; }

Found granted(TokenGrant grant) {
  Found found = of(Kind::granted, {});
  found.verdict.account = std::move(grant.user);
  found.verdict.customer = std::move(grant.customer);
  found.verdict.domains = std::move(grant.domains);
  found.verdict.expires = grant.expires;
  return found;
}

HttpClientOptions http_options(const OauthBackendOptions& options, const std::string& url, std::size_t bytes_max) {
  return {.url = url, .ca_file = options.oauth.ca_file, .timeout = options.backend.timeout, .bytes_max = bytes_max};
}

// Which keys a file has, and whether they may be others by now.  Made for one KeySource, under whose lock changed() is
// called, and on whose thread read() is.
class KeyFile {
 public:
  explicit KeyFile(std::string path) : path_(std::move(path)) {}
  std::expected<std::string, std::string> read() {
    const io::FileStamp stamp = io::stamp_file(path_);
    {
      const std::lock_guard lock(mutex_);
      stamp_ = stamp;
    }
    return io::read_file(path_, kJwksBytesMax);
  }
  bool changed() {
    const std::lock_guard lock(mutex_);
    const io::FileStamp now = io::stamp_file(path_);
    return now.exists != stamp_.exists || now.value != stamp_.value;
  }

 private:
  const std::string path_;
  std::mutex mutex_;
  io::FileStamp stamp_;  // before what was read last
};

// A login that waits for keys is to hear that they cannot be had, so that is found out before its own time is over.
KeySource::Fetch fetch_of(const OauthBackendOptions& options, const std::shared_ptr<KeyFile>& file) {
  if (file != nullptr) return [file] { return file->read(); };
  const OauthOptions& oauth = options.oauth;
  HttpClientOptions http = http_options(options, oauth.jwks_url, kJwksBytesMax);
  http.timeout /= 2;
  return [http] { return HttpClient(http).get(); };
}

// By the issuer's keys.
class TokenClient final : public BlockingClient {
 public:
  TokenClient(const TokenRules& rules, KeySource& keys, io::Clock& clock) : rules_(rules), keys_(keys), clock_(clock) {}

  [[nodiscard]] Found check(const Credentials& credentials) override {
    Found found = judge(credentials);
    found.verdict.warning = keys_.take_warning();
    return found;
  }

 private:
  Found judge(const Credentials& credentials) {
    const std::string_view token = credentials.secret.reveal();
    const auto header = read_token_header(token, rules_);
    if (!header) return of(Kind::wrong, header.error());
    const auto keys = keys_.current();
    if (!keys) return of(Kind::unavailable, keys.error());
    auto checked = check_token(token, *header, **keys, rules_, credentials.name, clock_.wall());
    if (!checked && checked.error().unknown_key) {
      const auto newer = keys_.newer_than(*keys);
      if (!newer) return unknown_yet(checked.error().reason, newer.error());
      if (*newer != *keys) checked = check_token(token, *header, **newer, rules_, credentials.name, clock_.wall());
    }
    return checked ? granted(*std::move(checked)) : of(Kind::wrong, checked.error().reason);
  }

  // A token by a key that anybody may have thought of is no reason to leave those alone whose keys are known.
  static Found unknown_yet(const std::string& reason, const std::string& why) {
    Found found = of(Kind::unavailable, reason + ", and newer ones are not to be had: " + why);
    found.verdict.of_one_account = true;
    return found;
  }

  const TokenRules& rules_;
  KeySource& keys_;
  io::Clock& clock_;
};

// By asking the issuer about each.
class IntrospectionClient final : public BlockingClient {
 public:
  IntrospectionClient(const OauthBackendOptions& options, const std::string& secret, io::Clock& clock)
      : rules_(options.oauth.rules), http_(authenticated(options, secret)), clock_(clock) {}

  [[nodiscard]] Found check(const Credentials& credentials) override {
    auto response = ask(credentials.secret.reveal());
    if (!response) return of(Kind::unavailable, std::move(response.error()));
    auto checked = check_introspection(*response, rules_, credentials.name, clock_.wall());
    if (checked) return granted(*std::move(checked));
    return of(checked.error().wrong ? Kind::wrong : Kind::unavailable, checked.error().reason);
  }
  [[nodiscard]] HttpClient::Body ask(std::string_view token) {
    std::string form = introspection_form(token);
    auto response = http_.post(form);
    wipe_bytes(form.data(), form.size());
    return response;
  }

 private:
  static HttpClientOptions authenticated(const OauthBackendOptions& options, const std::string& secret) {
    const OauthOptions& oauth = options.oauth;
    HttpClientOptions http = http_options(options, oauth.introspection_url, kIntrospectionBytesMax);
    http.user = form_encoded(oauth.client_id);
    http.password = form_encoded(secret);
    return http;
  }

  const TokenRules& rules_;
  HttpClient http_;
  io::Clock& clock_;
};

// What the process has of it.  Thread-safe.
class OauthSource final : public BackendSource {
 public:
  OauthSource(OauthBackendOptions options, std::string secret)
      : options_(std::move(options)),
        secret_(std::move(secret)),
        clock_(io::make_real_clock()),
        key_thread_(io::make_real_workers(1, 1)) {
    const OauthOptions& oauth = options_.oauth;
    const auto file = oauth.jwks_file.empty() ? nullptr : std::make_shared<KeyFile>(oauth.jwks_file);
    keys_ = std::make_unique<KeySource>(
        KeySource::Options{.refresh = oauth.jwks_refresh, .keep = oauth.jwks_keep, .retry = oauth.jwks_retry},
        fetch_of(options_, file), file == nullptr ? KeySource::Changed() : [file] { return file->changed(); }, *clock_,
        *key_thread_);
    clients_ = make_threaded_source(options_.backend, [this] { return make_client(); });
  }
  // Threads end before what they work on: those of logins, which may wait for keys, and then that of the keys.
  ~OauthSource() override {
    clients_ = nullptr;
    key_thread_ = nullptr;
    wipe_bytes(secret_.data(), secret_.size());
  }
  OauthSource(const OauthSource&) = delete;
  OauthSource& operator=(const OauthSource&) = delete;

  [[nodiscard]] std::unique_ptr<Backend> on_core(const BackendParts& parts) override {
    return clients_->on_core(parts);
  }

 private:
  std::unique_ptr<BlockingClient> make_client() {
    if (options_.oauth.introspection_url.empty())
      return std::make_unique<TokenClient>(options_.oauth.rules, *keys_, *clock_);
    return std::make_unique<IntrospectionClient>(options_, secret_, *clock_);
  }

  const OauthBackendOptions options_;
  std::string secret_;
  const std::unique_ptr<io::Clock> clock_;
  std::unique_ptr<io::Workers> key_thread_;
  std::unique_ptr<KeySource> keys_;
  std::unique_ptr<BackendSource> clients_;
};

// The files that are read at the start: the client's secret, or none.
std::expected<std::string, std::string> read_files(const OauthOptions& options) {
  if (!options.ca_file.empty())
    if (auto read = tls::read_ca_file(options.ca_file); !read) return std::unexpected("ca_file: " + read.error());
  if (options.client_secret_file.empty()) return std::string();
  auto secret = io::read_secret(options.client_secret_file, kSecretFileBytesMax);
  if (!secret) return std::unexpected("client_secret_file: " + secret.error());
  if (secret->empty()) return std::unexpected("client_secret_file: " + options.client_secret_file + " is empty");
  return secret;
}

std::expected<void, std::string> check_keys(const std::expected<std::string, std::string>& text) {
  if (!text) return std::unexpected(text.error());
  const auto keys = KeySet::parse(*text);
  if (!keys) return std::unexpected(keys.error());
  return {};
}

}  // namespace

OpenedBackend open_oauth(const OauthBackendOptions& options) {
  auto secret = read_files(options.oauth);
  if (!secret) return std::unexpected(std::move(secret.error()));
  const std::string& path = options.oauth.jwks_file;
  if (!path.empty())
    if (auto good = check_keys(io::read_file(path, kJwksBytesMax)); !good)
      return std::unexpected("jwks_file: " + path + ": " + good.error());
  return std::make_unique<OauthSource>(options, *std::move(secret));
}

NameOfToken name_of_token(const OauthBackendOptions& options) {
  return [claim = options.oauth.rules.user_claim](std::string_view token) { return user_named_by(token, claim); };
}

std::expected<void, std::string> try_oauth(const OauthBackendOptions& options) {
  const OauthOptions& oauth = options.oauth;
  const auto secret = read_files(oauth);
  if (!secret) return std::unexpected(secret.error());
  if (oauth.introspection_url.empty())
    return check_keys(
        fetch_of(options, oauth.jwks_file.empty() ? nullptr : std::make_shared<KeyFile>(oauth.jwks_file))());
  const auto clock = io::make_real_clock();
  const auto response = IntrospectionClient(options, *secret, *clock).ask("sluice-check");
  if (!response) return std::unexpected(response.error());
  const auto checked = check_introspection(*response, oauth.rules, *Name::make("sluice-check"), clock->wall());
  if (checked || checked.error().wrong) return {};
  return std::unexpected(oauth.introspection_url + ": " + checked.error().reason);
}

}  // namespace sluice::auth
