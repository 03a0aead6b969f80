#include "engine/tls/tickets.h"

#include <wolfssl/options.h>
// options.h comes first.
#include <string.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include <cstring>

#include "engine/base/check.h"
#include "engine/tls/library.h"

namespace sluice::tls {
namespace {

// RFC 5869, expand only: the secret is uniformly random already.
void expand(const TicketSecret& secret, std::string_view label, std::span<std::byte> out) {
  const int result =
      wc_HKDF_Expand(WC_SHA256, raw(secret.data()), static_cast<word32>(secret.size()), raw(label),
                     static_cast<word32>(label.size()), raw(out.data()), static_cast<word32>(out.size()));
  CHECK(result == 0);
}

void wipe(std::span<std::byte> bytes) { explicit_bzero(bytes.data(), bytes.size()); }

std::int64_t epoch_of(Instant now) { return now.time_since_epoch() / kTicketKeyLife; }

static_assert(TicketKeys::kIvBytes >= CHACHA20_POLY1305_AEAD_IV_SIZE);
static_assert(TicketKeys::kTagBytes >= CHACHA20_POLY1305_AEAD_AUTHTAG_SIZE);

}  // namespace

TicketSecret make_ticket_secret(io::Random& random) {
  TicketSecret secret;
  random.fill(secret);
  return secret;
}

TicketKeys::TicketKeys(const TicketSecret& secret, io::Clock& clock, io::Random& random)
    : clock_(clock), random_(random), chain_(secret) {
  derive(current_);
  step();
}

TicketKeys::~TicketKeys() {
  wipe(chain_);
  wipe(current_.key);
  if (previous_) wipe(previous_->key);
}

void TicketKeys::derive(Key& key) const {
  expand(chain_, "sluice ticket name", key.name);
  expand(chain_, "sluice ticket key", key.key);
}

// Catches up with the clock, one epoch at a time, so that every core gets the same key for the same
// epoch.
void TicketKeys::step() {
  const std::int64_t epoch = epoch_of(clock_.now());
  while (epoch_ < epoch) {
    TicketSecret next;
    expand(chain_, "sluice ticket next", next);
    chain_ = next;
    wipe(next);
    if (previous_) wipe(previous_->key);
    previous_ = current_;
    derive(current_);
    ++epoch_;
  }
}

bool TicketKeys::seal(std::string_view bound_to, std::span<std::byte> ticket, std::span<std::byte, kNameBytes> name,
                      std::span<std::byte, kIvBytes> iv, std::span<std::byte, kTagBytes> tag) {
  step();
  std::memcpy(name.data(), current_.name.data(), name.size());
  random_.fill(iv);
  // wolfSSL takes what is unused for part of the tag: it must not be all zeroes, and is not.
  std::memset(tag.data(), 0, tag.size());
  return wc_ChaCha20Poly1305_Encrypt(raw(current_.key.data()), raw(iv.data()), raw(bound_to),
                                     static_cast<word32>(bound_to.size()), raw(ticket.data()),
                                     static_cast<word32>(ticket.size()), raw(ticket.data()), raw(tag.data())) == 0;
}

TicketKeys::Opened TicketKeys::open(std::string_view bound_to, std::span<std::byte> ticket,
                                    std::span<const std::byte, kNameBytes> name,
                                    std::span<const std::byte, kIvBytes> iv,
                                    std::span<const std::byte, kTagBytes> tag) {
  step();
  // Names are public: they need no constant-time comparison.
  const auto is = [&](const Key& key) { return std::memcmp(key.name.data(), name.data(), name.size()) == 0; };
  const bool current = is(current_);
  if (!current && !(previous_ && is(*previous_))) return Opened::refused;
  const Key& key = current ? current_ : *previous_;
  if (wc_ChaCha20Poly1305_Decrypt(raw(key.key.data()), raw(iv.data()), raw(bound_to),
                                  static_cast<word32>(bound_to.size()), raw(ticket.data()),
                                  static_cast<word32>(ticket.size()), raw(tag.data()), raw(ticket.data())) != 0)
    return Opened::refused;
  return current ? Opened::good : Opened::good_but_renew;
}

}  // namespace sluice::tls
