// The two mechanisms that take an access token (RFC 6750) and the user that it is to be for: OAUTHBEARER, RFC 7628, and
// its forerunner XOAUTH2, as Google and Microsoft have it.  One message each; a refusal comes behind one more challenge
// (Mechanism::failure), which is the session's.
#include <memory>
#include <optional>
#include <string>

#include "auth/sasl.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr char kFieldEnd = '\x01';
// A name with each of its bytes escaped, a token, and what else there may be: host, port and such.
constexpr std::size_t kTokenMessageBytesMax = 3 * kNameBytesMax + kTokenBytesMax + 1024;

// What stands in front of the next separator, which is dropped, too.
std::optional<std::string_view> take_field(std::string_view& rest) {
  const std::size_t end = rest.find(kFieldEnd);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return field;
}

// RFC 7628 3.1: "auth-scheme" in any case, one blank, the token.
std::optional<std::string_view> bearer_token(std::string_view value) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!equal_ignoring_case(value.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  return value.substr(kScheme.size());
}

// RFC 7628 3.1: key = 1*(ALPHA), value = *(VCHAR / SP / HTAB / CR / LF).
bool is_pair(std::string_view field, std::size_t equals) {
  if (equals == 0 || equals == std::string_view::npos) return false;
  for (const char c : field.substr(0, equals))
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return false;
  for (const char c : field.substr(equals + 1))
    if (!((c >= ' ' && c <= '~') || c == '\t' || c == '\r' || c == '\n')) return false;
  return true;
}

// What both have in common: one message, asked for where AUTH brings none.
class OneMessage : public SaslMachine {
 protected:
  virtual Step parse(std::string_view message) = 0;

 private:
  Step on_start(std::optional<std::string_view> initial) final {
    return initial ? on_response(*initial) : challenge_step("");
  }
  Step on_response(std::string_view decoded) final {
    return decoded.size() > kTokenMessageBytesMax ? malformed_step(SaslFault::syntax) : parse(decoded);
  }
};

// gs2-header kvsep *kvpair kvsep: `n,a=user,^Ahost=...^Aport=...^Aauth=Bearer token^A^A`.
class SaslOauthbearer final : public OneMessage {
  Step parse(std::string_view message) override {
    const auto header = take_field(message);
    if (!header) return malformed_step(SaslFault::syntax);
    // The flag of channel binding: there is none with this mechanism, and "p" would ask for it.
    if (!header->starts_with("n,") && !header->starts_with("y,")) return malformed_step(SaslFault::syntax);
    std::string_view authzid = header->substr(2);
    if (!authzid.ends_with(',')) return malformed_step(SaslFault::syntax);
    authzid.remove_suffix(1);
    const bool named = !authzid.empty();
    if (named && (!authzid.starts_with("a=") || authzid.find(',') != std::string_view::npos))
      return malformed_step(SaslFault::syntax);
    const auto user = named ? read_saslname(authzid.substr(2)) : std::string();
    if (!user) return malformed_step(SaslFault::syntax);

    std::optional<std::string_view> token;
    while (!message.starts_with(kFieldEnd)) {
      const auto field = take_field(message);
      if (!field) return malformed_step(SaslFault::syntax);
      const std::size_t equals = field->find('=');
      if (!is_pair(*field, equals)) return malformed_step(SaslFault::syntax);
      if (field->substr(0, equals) != "auth") continue;  // host and port are ours, whichever; others are to be ignored
      if (token) return malformed_step(SaslFault::syntax);
      token = bearer_token(field->substr(equals + 1));
      if (!token) return malformed_step(SaslFault::syntax);
    }
    if (message.size() != 1 || !token) return malformed_step(SaslFault::syntax);
    return named ? token_step(*user, *token) : unnamed(*token);
  }

  // RFC 7628 3.1: "If no authzid is specified, the server derives it".  Shield and cache count by the name, so it is
  // read from the token before that is checked.
  [[nodiscard]] Step unnamed(std::string_view token) const {
    if (!Secret::make_token(token)) return malformed_step(SaslFault::secret_not_clean);
    const NameOfToken* const name_of = session().name_of_token;
    const auto name = name_of != nullptr && *name_of ? (*name_of)(token) : std::nullopt;
    return name ? token_step(name->text(), token) : malformed_step(SaslFault::no_user);
  }
};

// `user=NAME^Aauth=Bearer TOKEN^A^A`.
class SaslXoauth2 final : public OneMessage {
  Step parse(std::string_view message) override {
    constexpr std::string_view kUser = "user=";
    constexpr std::string_view kAuth = "auth=";
    const auto user = take_field(message);
    if (!user || !user->starts_with(kUser)) return malformed_step(SaslFault::syntax);
    const auto auth = take_field(message);
    if (!auth || !auth->starts_with(kAuth)) return malformed_step(SaslFault::syntax);
    const auto token = bearer_token(auth->substr(kAuth.size()));
    if (!token || message.size() != 1 || message.front() != kFieldEnd) return malformed_step(SaslFault::syntax);
    return token_step(user->substr(kUser.size()), *token);
  }
};

}  // namespace

std::unique_ptr<SaslMachine> make_sasl_oauthbearer() { return std::make_unique<SaslOauthbearer>(); }
std::unique_ptr<SaslMachine> make_sasl_xoauth2() { return std::make_unique<SaslXoauth2>(); }

}  // namespace sluice::auth
