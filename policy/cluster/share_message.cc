#include "policy/cluster/share_message.h"

#include <sodium.h>

#include <algorithm>
#include <chrono>
#include <span>

#include "engine/base/check.h"

namespace sluice::policy {
namespace {

// A message: kMark, node, began, number, sent; how many items, each kind, subject, count, age in ms; how many accounts
// that send, each as write_sending() has it; how many steps, each account, step, until, at, reason.  Numbers are
// little-endian: of 8 bytes; 4 for counts and ages, 1 for kinds and steps, 2 for the length of a text in front of it.
constexpr std::string_view kMark = "S2";
constexpr std::size_t kHeaderBytes = 64;  // and a bit: what comes before items and steps, but the node's name

template <typename Number>
void put(std::string& out, Number number) {
  auto value = static_cast<std::uint64_t>(number);
  for (std::size_t i = 0; i < sizeof(Number); ++i, value >>= 8U) out.push_back(static_cast<char>(value & 0xffU));
}

void put_text(std::string& out, std::string_view text) {
  text = text.substr(0, ShareMessage::kTextBytesMax);
  put(out, static_cast<std::uint16_t>(text.size()));
  out.append(text);
}

class Parts {
 public:
  explicit Parts(std::string_view bytes) : left_(bytes) {}
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return !failed_ && left_.empty(); }

  std::string_view take(std::size_t size) {
    if (failed_ || size > left_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  template <typename Number>
  Number number() {
    std::uint64_t value = 0;
    const std::string_view bytes = take(sizeof(Number));
    for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8U | static_cast<std::uint8_t>(bytes[i - 1]);
    return static_cast<Number>(value);
  }
  std::string text() {
    const auto size = number<std::uint16_t>();
    if (size > ShareMessage::kTextBytesMax) failed_ = true;
    return std::string(take(size));
  }
  void check(bool good) { failed_ = failed_ || !good; }

 private:
  std::string_view left_;
  bool failed_ = false;
};

auth::ShieldItem read_item(Parts& parts) {
  using Milliseconds = std::chrono::milliseconds;
  auth::ShieldItem item;
  const auto kind = parts.number<std::uint8_t>();
  parts.check(kind < auth::ShieldItem::kKinds);
  item.kind = static_cast<auth::ShieldItem::Kind>(kind);
  item.subject = parts.text();
  item.count = parts.number<std::uint32_t>();
  item.age = Milliseconds(parts.number<std::uint32_t>());
  return item;
}

void write_sending(std::string& out, const noticing::SendingNews& news) {
  put_text(out, news.account);
  put_text(out, news.policy_class);
  put(out, static_cast<std::uint8_t>(news.strangers.size()));
  for (const std::string& each : news.strangers) put_text(out, each);
  put(out, static_cast<std::uint8_t>(news.networks.size()));
  for (const auto& each : news.networks) {
    put_text(out, each.text);
    for (const char c : each.country) put(out, static_cast<std::uint8_t>(c));
  }
  put(out, static_cast<std::uint8_t>(news.texts.size()));
  for (const auto& each : news.texts) {
    for (const std::uint8_t byte : each.sketch.bytes) put(out, byte);
    put(out, each.network);
    put(out, each.recipients);
    put(out, each.first_time);
    put(out, each.without_unsubscribe);
  }
  for (const std::uint32_t count :
       {news.recipients, news.more_strangers, news.failed_logins, news.accepted, news.unknown, news.spam, news.other})
    put(out, count);
}

noticing::SendingNews read_sending(Parts& parts) {
  using noticing::SendingNews;
  SendingNews news{.account = parts.text(), .policy_class = parts.text()};
  parts.check(!news.account.empty());
  const auto strangers = parts.number<std::uint8_t>();
  parts.check(strangers <= SendingNews::kStrangersMax);
  for (std::size_t i = 0; i < strangers && !parts.failed(); ++i) {
    news.strangers.push_back(parts.text());
    parts.check(news.strangers.back().size() <= SendingNews::kStrangerBytesMax);
  }
  const auto networks = parts.number<std::uint8_t>();
  parts.check(networks <= SendingNews::kNetworksMax);
  for (std::size_t i = 0; i < networks && !parts.failed(); ++i) {
    news.networks.push_back({.text = parts.text()});
    for (char& c : news.networks.back().country) c = static_cast<char>(parts.number<std::uint8_t>());
  }
  const auto texts = parts.number<std::uint8_t>();
  parts.check(texts <= SendingNews::kTextsMax);
  for (std::size_t i = 0; i < texts && !parts.failed(); ++i) {
    SendingNews::Text& text = news.texts.emplace_back();
    for (std::uint8_t& byte : text.sketch.bytes) byte = parts.number<std::uint8_t>();
    text.network = parts.number<std::uint8_t>();
    text.recipients = parts.number<std::uint32_t>();
    text.first_time = parts.number<std::uint32_t>();
    text.without_unsubscribe = parts.number<std::uint32_t>();
    parts.check(text.recipients <= SendingNews::kCountMax && text.first_time <= text.recipients &&
                text.without_unsubscribe <= text.recipients &&
                (text.network == SendingNews::kNetworksMax || text.network < news.networks.size()));
  }
  for (std::uint32_t* const count : {&news.recipients, &news.more_strangers, &news.failed_logins, &news.accepted,
                                     &news.unknown, &news.spam, &news.other}) {
    *count = parts.number<std::uint32_t>();
    parts.check(*count <= SendingNews::kCountMax);
  }
  return news;
}

AccountStep read_step(Parts& parts) {
  AccountStep step{.account = parts.text()};
  const auto number = parts.number<std::uint8_t>();
  parts.check(number <= static_cast<std::uint8_t>(noticing::Step::suspend) && !step.account.empty());
  step.step = static_cast<noticing::Step>(number);
  step.until = parts.number<WallMillis>();
  step.at = parts.number<WallMillis>();
  step.reason = parts.text();
  parts.check(step.until >= 0 && step.at >= 0);
  return step;
}

std::array<std::byte, 32> key_for(std::string_view purpose, std::string_view text) {
  std::array<std::byte, 32> key{};
  CHECK(crypto_generichash(reinterpret_cast<unsigned char*>(key.data()), key.size(),
                           reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                           reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size()) == 0);
  return key;
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kSealBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

}  // namespace

std::size_t share_bytes(const AccountStep& step) {
  constexpr std::size_t kNumbers = 21;
  return kNumbers + std::min(step.account.size(), ShareMessage::kTextBytesMax) +
         std::min(step.reason.size(), ShareMessage::kTextBytesMax);
}

std::string encode_share(const ShareMessage& message) {
  using Milliseconds = std::chrono::milliseconds;
  std::string out(kMark);
  out.reserve(kHeaderBytes);
  put_text(out, message.node);
  put(out, message.began);
  put(out, message.number);
  put(out, message.sent);
  put(out, static_cast<std::uint16_t>(message.news.size()));
  for (const auth::ShieldItem& item : message.news) {
    put(out, static_cast<std::uint8_t>(item.kind));
    put_text(out, item.subject);
    put(out, item.count);
    put(out, static_cast<std::uint32_t>(std::chrono::duration_cast<Milliseconds>(item.age).count()));
  }
  put(out, static_cast<std::uint16_t>(message.sending.size()));
  for (const noticing::SendingNews& news : message.sending) write_sending(out, news);
  put(out, static_cast<std::uint16_t>(message.steps.size()));
  for (const AccountStep& step : message.steps) {
    put_text(out, step.account);
    put(out, static_cast<std::uint8_t>(step.step));
    put(out, step.until);
    put(out, step.at);
    put_text(out, step.reason);
  }
  return out;
}

std::optional<ShareMessage> decode_share(std::string_view bytes) {
  if (bytes.size() > ShareMessage::kBytesMax) return std::nullopt;
  Parts parts(bytes);
  ShareMessage message;
  parts.check(parts.take(kMark.size()) == kMark);
  message.node = parts.text();
  message.began = parts.number<WallMillis>();
  message.number = parts.number<std::uint64_t>();
  message.sent = parts.number<WallMillis>();
  const auto items = parts.number<std::uint16_t>();
  parts.check(!message.node.empty() && message.began >= 0 && message.sent >= 0 && items <= ShareMessage::kItemsMax);
  for (std::size_t i = 0; i < items && !parts.failed(); ++i) message.news.push_back(read_item(parts));
  const auto sending = parts.number<std::uint16_t>();
  parts.check(sending <= ShareMessage::kSendingMax);
  for (std::size_t i = 0; i < sending && !parts.failed(); ++i) message.sending.push_back(read_sending(parts));
  const auto steps = parts.number<std::uint16_t>();
  parts.check(steps <= ShareMessage::kStepsMax);
  for (std::size_t i = 0; i < steps && !parts.failed(); ++i) message.steps.push_back(read_step(parts));
  if (!parts.at_end()) return std::nullopt;
  return message;
}

ShareKeys share_keys(std::string_view text) {
  return {.seal = key_for("sluice cluster seal 1", text), .secrets = key_for("sluice cluster secrets 1", text)};
}

std::string seal_share(const ShareKeys& keys, std::string_view prefix, std::string_view bytes, io::Random& random) {
  std::string sealed(kNonceBytes + bytes.size() + kSealBytes, '\0');
  random.fill(std::as_writable_bytes(std::span(sealed)).first(kNonceBytes));
  auto* const out = reinterpret_cast<unsigned char*>(sealed.data());
  CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(out + kNonceBytes, nullptr, bytes_of(bytes), bytes.size(),
                                                   bytes_of(prefix), prefix.size(), nullptr, out,
                                                   reinterpret_cast<const unsigned char*>(keys.seal.data())) == 0);
  return sealed;
}

std::optional<std::string> open_share(const ShareKeys& keys, std::string_view prefix, std::string_view sealed) {
  if (sealed.size() < kNonceBytes + kSealBytes || sealed.size() > kNonceBytes + ShareMessage::kBytesMax + kSealBytes)
    return std::nullopt;
  std::string bytes(sealed.size() - kNonceBytes - kSealBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(bytes.data()), nullptr, nullptr,
                                                 bytes_of(sealed) + kNonceBytes, sealed.size() - kNonceBytes,
                                                 bytes_of(prefix), prefix.size(), bytes_of(sealed),
                                                 reinterpret_cast<const unsigned char*>(keys.seal.data())) != 0)
    return std::nullopt;
  return bytes;
}

}  // namespace sluice::policy
