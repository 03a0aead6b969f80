// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: RFC 5802, with SHA-256 by RFC 7677 and tls-exporter by RFC 9266.
//
//   client-first:  gs2-header "n=" name ",r=" nonce [extensions]      the keys of `name` are asked for
//   server-first:  "r=" nonce server-nonce ",s=" salt ",i=" count
//   client-final:  "c=" gs2-header and channel binding ",r=" both nonces [extensions] ",p=" proof
//   server-final:  "v=" signature                                     if the login is granted; then an empty response
//
// Names go through SASLprep (saslprep.h).  Extensions that need not be understood are skipped; "m=" must be (RFC 5802
// section 5.1), and none is.
#include <sodium.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "auth/sasl.h"
#include "auth/saslprep.h"
#include "auth/text.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kScramMessageBytesMax = 4096;
constexpr std::size_t kNonceBytesMax = 1024;
constexpr std::string_view kBindingType = "tls-exporter";

// printable = %x21-2B / %x2D-7E: no ",".
bool is_nonce(std::string_view text) {
  constexpr char kFirst = 0x21;
  constexpr char kLast = 0x7e;
  return !text.empty() && text.size() <= kNonceBytesMax &&
         std::ranges::all_of(text, [](char c) { return c >= kFirst && c <= kLast && c != ','; });
}

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// attr-val = ALPHA "=" value, where a value is at least one byte of UTF-8 that is neither NUL nor ",".
bool is_extension(std::string_view field) {
  return field.size() > 2 && is_letter(field[0]) && field[1] == '=' && is_clean_text(field.substr(2));
}

// Up to the next ",", which is taken too; nothing at the end of the text.
std::optional<std::string_view> take_attribute(std::string_view& text) {
  if (text.data() == nullptr) return std::nullopt;
  const std::size_t comma = text.find(',');
  const std::string_view field = text.substr(0, comma);
  text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  return field;
}

std::optional<std::string_view> value_of(std::optional<std::string_view> field, char name) {
  if (!field || field->size() < 2 || (*field)[0] != name || (*field)[1] != '=') return std::nullopt;
  return field->substr(2);
}

ScramKey exclusive_or(const ScramKey& a, std::string_view b) {
  ScramKey result{};
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = a[i] ^ static_cast<unsigned char>(b[i]);
  return result;
}

class SaslScram final : public SaslMachine {
 public:
  explicit SaslScram(bool plus) : plus_(plus) {}
  ~SaslScram() override {
    wipe_bytes(keys_.stored_key.data(), keys_.stored_key.size());
    wipe_bytes(keys_.server_key.data(), keys_.server_key.size());
  }
  SaslScram(const SaslScram&) = delete;
  SaslScram& operator=(const SaslScram&) = delete;

 private:
  enum class Turn : std::uint8_t { client_first, client_final, end };

  Step on_start(std::optional<std::string_view> initial) override {
    return initial ? on_response(*initial) : challenge_step("");
  }

  Step on_response(std::string_view decoded) override {
    if (decoded.size() > kScramMessageBytesMax) return malformed_step(SaslFault::syntax);
    switch (turn_) {
      case Turn::client_first:
        return on_client_first(decoded);
      case Turn::client_final:
        return on_client_final(decoded);
      case Turn::end:
        break;
    }
    // RFC 4422 section 5.2: what the server says with its outcome must be answered, by nothing.
    if (!decoded.empty()) return malformed_step(SaslFault::syntax);
    return Step{.kind = SaslStep::confirmed};
  }

  Step on_client_first(std::string_view message);
  [[nodiscard]] SaslFault check_binding_flag(std::string_view flag) const;
  Step on_keys(const ScramKeys& keys) override;
  Step on_client_final(std::string_view message);
  [[nodiscard]] Step judge(std::string_view without_proof, std::string_view proof_text, std::string_view proof);

  const bool plus_;
  Turn turn_ = Turn::client_first;
  std::string gs2_header_;
  std::string client_first_bare_;
  std::string nonce_;  // the client's, then both
  std::string server_first_;
  ScramKeys keys_;
};

// RFC 5802 section 6: "n": the client has no channel binding; "y": it has, and thinks that the server has not; "p=":
// the binding that it uses, which is then to be there, and only with -PLUS.
SaslFault SaslScram::check_binding_flag(std::string_view flag) const {
  if (const auto type = value_of(flag, 'p')) {
    const bool fits = plus_ && *type == kBindingType && !session().channel_binding.empty();
    return fits ? SaslFault::none : SaslFault::channel_binding;
  }
  if (flag != "n" && flag != "y") return SaslFault::syntax;
  if (plus_) return SaslFault::channel_binding;
  // "If the flag is set to "y" and the server supports channel binding, the server MUST fail authentication".
  return flag == "y" && session().plus_offered ? SaslFault::downgrade : SaslFault::none;
}

Step SaslScram::on_client_first(std::string_view message) {
  std::string_view rest = message;
  const auto flag = take_attribute(rest);
  const auto authzid = take_attribute(rest);
  if (!flag || !authzid || rest.data() == nullptr) return malformed_step(SaslFault::syntax);
  if (const SaslFault fault = check_binding_flag(*flag); fault != SaslFault::none) return malformed_step(fault);
  gs2_header_ = message.substr(0, message.size() - rest.size());
  client_first_bare_ = rest;
  const auto mandatory_or_name = take_attribute(rest);
  if (value_of(mandatory_or_name, 'm')) return malformed_step(SaslFault::extension);
  const auto name_field = value_of(mandatory_or_name, 'n');
  const auto nonce = value_of(take_attribute(rest), 'r');
  if (!name_field || !nonce || !is_nonce(*nonce)) return malformed_step(SaslFault::syntax);
  while (const auto field = take_attribute(rest))
    if (!is_extension(*field)) return malformed_step(SaslFault::syntax);
  nonce_ = *nonce;

  const auto written = read_saslname(*name_field);
  if (!written || written->empty()) return malformed_step(SaslFault::syntax);
  const auto prepared = saslprep(*written);
  auto name = prepared ? Name::make(*prepared) : std::nullopt;
  if (!name) return malformed_step(SaslFault::name_not_clean);
  if (!authzid->empty()) {
    const auto given = value_of(authzid, 'a');
    const auto other = given ? read_saslname(*given) : std::nullopt;
    if (!other || other->empty()) return malformed_step(SaslFault::syntax);
    const auto other_prepared = saslprep(*other);
    // No user may act for another one here; naming oneself is harmless.
    if (!other_prepared || login_key(*other_prepared) != login_key(name->text()))
      return malformed_step(SaslFault::other_authzid);
  }
  Step step{.kind = SaslStep::keys_wanted};
  step.name = *std::move(name);
  return step;
}

Step SaslScram::on_keys(const ScramKeys& keys) {
  keys_ = keys;
  nonce_ += session().nonce;
  server_first_ = "r=" + nonce_ + ",s=" + base64(keys.salt) + ",i=" + std::to_string(keys.iterations);
  turn_ = Turn::client_final;
  return challenge_step(server_first_);
}

Step SaslScram::on_client_final(std::string_view message) {
  constexpr std::string_view kProof = ",p=";
  const std::size_t end = message.rfind(kProof);
  if (end == std::string_view::npos) return malformed_step(SaslFault::syntax);
  const std::string_view without_proof = message.substr(0, end);
  const std::string_view proof_text = message.substr(end + kProof.size());
  const auto proof = read_base64(proof_text);
  std::string_view rest = without_proof;
  const auto binding_text = value_of(take_attribute(rest), 'c');
  const auto binding = binding_text ? read_base64(*binding_text) : std::nullopt;
  const auto nonce = value_of(take_attribute(rest), 'r');
  if (!proof || proof->size() != kScramKeyBytes || !binding || !nonce) return malformed_step(SaslFault::syntax);
  while (const auto field = take_attribute(rest)) {
    if (field->starts_with("m=")) return malformed_step(SaslFault::extension);
    if (!is_extension(*field)) return malformed_step(SaslFault::syntax);
  }
  if (*nonce != nonce_) return malformed_step(SaslFault::other_nonce);
  if (*binding != gs2_header_ + (plus_ ? session().channel_binding : "")) {
    return malformed_step(SaslFault::channel_binding);
  }
  return judge(without_proof, proof_text, *proof);
}

// RFC 5802 section 3:
//   ClientSignature := HMAC(StoredKey, AuthMessage)       ClientKey := ClientProof XOR ClientSignature
//   H(ClientKey) is to be StoredKey                       ServerSignature := HMAC(ServerKey, AuthMessage)
Step SaslScram::judge(std::string_view without_proof, std::string_view proof_text, std::string_view proof) {
  const std::string message = client_first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  ScramKey client_key = exclusive_or(hmac_sha256(as_bytes(keys_.stored_key), message), proof);
  const ScramKey hashed = sha256(as_bytes(client_key));
  wipe_bytes(client_key.data(), client_key.size());
  const ScramKey signature = hmac_sha256(as_bytes(keys_.server_key), message);
  const bool equal = sodium_memcmp(hashed.data(), keys_.stored_key.data(), hashed.size()) == 0;
  turn_ = Turn::end;
  Step step{.kind = SaslStep::judged};
  step.proven = equal && keys_.account_id != 0;
  step.proof = nonce_ + " " + std::string(proof_text);
  if (step.proven) step.challenge = "v=" + base64(as_bytes(signature));
  return step;
}

}  // namespace

std::unique_ptr<SaslMachine> make_sasl_scram() { return std::make_unique<SaslScram>(/*plus=*/false); }

std::unique_ptr<SaslMachine> make_sasl_scram_plus() { return std::make_unique<SaslScram>(/*plus=*/true); }

}  // namespace sluice::auth
