// Checks that whatever bytes a client sends in an exchange of SCRAM-SHA-256:
//   - only a clean name comes out of it, and one that was sent;
//   - a proof is right only where the password's owner computed it, for this exchange (both nonces) and this channel;
//   - an exchange ends after four lines at most, and after its end nothing comes out of it.
// Input: a byte of flags, then lines, each ended by LF.  A line that begins with "!" is what stands in front of the
// proof in the client's last message: the proof is computed for it, so that what lies behind a right one is tried, too.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/sasl.h"
#include "auth/text.h"
#include "engine/base/check.h"
#include "tests/support/scram_client.h"

namespace {

using sluice::auth::SaslFault;
using sluice::auth::SaslStep;
using sluice::auth::ScramKeys;
using sluice::auth::Step;

constexpr std::string_view kPassword = "pencil";
constexpr std::string_view kServerNonce = "server";

// What the machine was told and has said.
struct Exchange {
  std::string binding;
  std::string client_first;
  std::string server_first;
  bool plus = false;
};

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return line;
}

std::size_t header_size(std::string_view client_first) {
  return client_first.find(',', client_first.find(',') + 1) + 1;
}

std::string with_proof(const Exchange& exchange, std::string_view without_proof) {
  const auto salted = sluice::testing::salted_password(kPassword, "salt", 1);
  const auto client_key = sluice::auth::hmac_sha256(sluice::auth::as_bytes(salted), "Client Key");
  const auto stored_key = sluice::auth::sha256(sluice::auth::as_bytes(client_key));
  const std::string message = exchange.client_first.substr(header_size(exchange.client_first)) + "," +
                              exchange.server_first + "," + std::string(without_proof);
  const auto signature = sluice::auth::hmac_sha256(sluice::auth::as_bytes(stored_key), message);
  return std::string(without_proof) +
         ",p=" + sluice::auth::base64(sluice::auth::as_bytes(sluice::testing::exclusive_or(client_key, signature)));
}

void check_name(const Step& step, std::string_view client_first) {
  CHECK(step.name.has_value());
  CHECK(sluice::auth::is_clean_text(step.name->text()) && step.name->text().size() <= sluice::auth::kNameBytesMax);
  CHECK(client_first.find("n=") != std::string_view::npos);
}

void check_proven(const Exchange& exchange, std::string_view line, bool computed) {
  CHECK(computed);
  const std::string header = exchange.client_first.substr(0, header_size(exchange.client_first));
  const std::string nonce = sluice::testing::ScramClient::field(exchange.server_first, 'r');
  const std::string begin =
      "c=" + sluice::auth::base64(header + (exchange.plus ? exchange.binding : "")) + ",r=" + nonce;
  CHECK(line.starts_with(begin + ","));
  CHECK(nonce.ends_with(kServerNonce));
  CHECK(header.starts_with("p=tls-exporter,") == exchange.plus);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(data + 1, data + size);
  std::string_view rest = text;
  Exchange exchange{.binding = (data[0] & 2U) != 0 ? "channel" : "", .plus = (data[0] & 1U) != 0};
  const auto machine = sluice::auth::find_mechanism(exchange.plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256")->make();
  machine->set_session(
      {.nonce = std::string(kServerNonce), .channel_binding = exchange.binding, .plus_offered = (data[0] & 4U) != 0});
  exchange.client_first = take_line(rest);
  Step step = machine->start(exchange.client_first);
  if (step.kind == SaslStep::keys_wanted) {
    check_name(step, exchange.client_first);
    ScramKeys keys = sluice::testing::scram_keys_of(kPassword, "salt", 1);
    if ((data[0] & 8U) != 0) keys.account_id = 0;
    step = machine->give_keys(keys);
    CHECK(step.kind == SaslStep::challenge);
    exchange.server_first = step.challenge;
    const std::string_view line = take_line(rest);
    const bool computed = line.starts_with('!');
    const std::string client_final = computed ? with_proof(exchange, line.substr(1)) : std::string(line);
    step = machine->respond(client_final);
    CHECK(step.kind == SaslStep::judged || step.kind == SaslStep::malformed);
    CHECK(step.proven == !step.challenge.empty());
    if (step.proven) {
      CHECK(keys.account_id != 0);
      check_proven(exchange, client_final, computed);
      const std::string_view last = take_line(rest);
      step = machine->respond(last);
      CHECK((step.kind == SaslStep::confirmed) == last.empty());
    }
  }
  CHECK(step.kind != SaslStep::challenge && !step.credentials);
  const Step after = machine->respond(text);
  CHECK(after.kind == SaslStep::malformed && after.fault == SaslFault::out_of_turn);
  return 0;
}
