#include "engine/session/recipient_index.h"

#include <algorithm>
#include <string_view>

#include "engine/base/domain_name.h"
#include "engine/smtp/ascii.h"

namespace sluice::session {
namespace {

// A separator that is in no path and in no parameter.
constexpr char kSeparator = '\n';

std::string key_of(const message::Recipient& recipient) {
  const std::string_view path = recipient.forward_path;
  const std::size_t at = path.rfind('@');
  // <Postmaster> is the same in any case (RFC 5321 4.5.1).
  std::string key = at == std::string_view::npos
                        ? smtp::to_lower(path)
                        : std::string(path.substr(0, at + 1)) + domain_key(path.substr(at + 1));
  key.push_back(kSeparator);
  const smtp::Notify& notify = recipient.notify;
  for (const bool asked : {notify.never, notify.success, notify.failure, notify.delay})
    key.push_back(asked ? '1' : '0');
  return key.append(recipient.orcpt);
}

}  // namespace

std::optional<std::size_t> RecipientIndex::find(std::span<const message::Recipient> recipients,
                                                const message::Recipient& recipient) {
  // Most messages have one recipient: nothing is made for it.
  if (recipients.empty()) return std::nullopt;
  for (; indexed_ < recipients.size(); ++indexed_) by_key_[key_of(recipients[indexed_])] = indexed_;
  const auto found = by_key_.find(key_of(recipient));
  if (found == by_key_.end()) return std::nullopt;
  return found->second;
}

void RecipientIndex::forget(std::size_t from) {
  absl::erase_if(by_key_, [from](const auto& each) { return each.second >= from; });
  indexed_ = std::min(indexed_, from);
}

}  // namespace sluice::session
