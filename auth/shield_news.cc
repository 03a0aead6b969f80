#include "auth/shield_news.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace sluice::auth {

std::optional<IpBytes> address_of(std::string_view subject) { return parse_ip(subject.substr(0, subject.find('/'))); }

void ShieldOutbox::add(ShieldItem::Kind kind, std::string_view subject, Instant now) {
  LruMap<Waiting>& items = items_[static_cast<std::size_t>(kind)];
  Waiting* item = items.find(subject);
  if (item == nullptr) {
    items.make_room(kItemsMax);
    item = &items.insert(subject, {});
  }
  if (item->count < std::numeric_limits<std::uint32_t>::max()) ++item->count;
  item->last = now;
}

void ShieldOutbox::forget(const Network& network) {
  items_[static_cast<std::size_t>(ShieldItem::Kind::address)].erase_if(
      [&network](std::string_view subject, const Waiting& /*item*/) {
        const auto ip = address_of(subject);
        return ip && network.contains(ip->span());
      });
}

void ShieldOutbox::forget_account(std::string_view key) {
  items_[static_cast<std::size_t>(ShieldItem::Kind::account)].erase(key);
}

void ShieldOutbox::forget_all() {
  for (LruMap<Waiting>& items : items_) items.clear();
}

ShieldNews ShieldOutbox::take(std::size_t bytes_max, Instant now, Duration window) {
  ShieldNews news;
  std::size_t bytes = 0;
  // Each kind has its share of the room, so that many of one do not keep others from being told.
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const std::size_t most = bytes + (bytes_max - bytes) / (items_.size() - i);
    items_[i].drain_unused([&](std::string_view subject, const Waiting& item) {
      // Of a release it is no matter how long ago it was.
      const bool release = static_cast<ShieldItem::Kind>(i) == ShieldItem::Kind::released;
      if (!release && now - item.last >= window) return true;
      if (bytes + subject.size() + kItemBytes > most) return false;
      news.push_back({.kind = static_cast<ShieldItem::Kind>(i),
                      .subject = std::string(subject),
                      .count = item.count,
                      .age = release ? Duration::zero() : std::max(Duration::zero(), now - item.last)});
      bytes += subject.size() + kItemBytes;
      return true;
    });
  }
  return news;
}

std::size_t ShieldOutbox::size() const {
  std::size_t size = 0;
  for (const LruMap<Waiting>& items : items_) size += items.size();
  return size;
}

}  // namespace sluice::auth
