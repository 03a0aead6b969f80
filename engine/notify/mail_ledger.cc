#include "engine/notify/mail_ledger.h"

#include <utility>

namespace sluice::notify {

std::optional<DueMail> MailLedger::add(std::shared_ptr<const Notification> notification, bool to_owner, Instant now) {
  Key key{
      .owner = to_owner ? notification->owner : "", .cause = notification->cause, .subject = notification->subject()};
  if (!to_owner && !entries_.contains(key) && subjects_[key.cause] >= kSubjectsMax) key.subject.clear();
  if (const auto found = entries_.find(key); found != entries_.end()) {
    ++found->second.further;
    found->second.last = std::move(notification);
    return std::nullopt;
  }
  if (entries_.size() >= kMailEntriesMax) {
    ++lost_;
    return std::nullopt;
  }
  if (!to_owner) ++subjects_[key.cause];
  entries_.emplace(key, Entry{});
  DueMail mail = mail_of(key, {.further = 0, .last = std::move(notification)});
  ages_.emplace_back(std::move(key), now);
  return mail;
}

std::vector<DueMail> MailLedger::due(Instant now) {
  std::vector<DueMail> mails;
  while (next() <= now) {
    Key key = std::move(ages_.front().first);
    ages_.pop_front();
    const auto entry = entries_.find(key);
    if (entry->second.further > 0) {
      mails.push_back(mail_of(key, std::exchange(entry->second, Entry{})));
      ages_.emplace_back(std::move(key), now);
      continue;
    }
    if (key.owner.empty()) --subjects_[key.cause];
    entries_.erase(entry);
  }
  return mails;
}

std::vector<DueMail> MailLedger::take_all() {
  std::vector<DueMail> mails;
  for (const auto& [key, entry] : entries_)
    if (entry.further > 0) mails.push_back(mail_of(key, entry));
  entries_.clear();
  subjects_.clear();
  ages_.clear();
  return mails;
}

DueMail MailLedger::mail_of(const Key& key, const Entry& entry) {
  return {.owner = key.owner,
          .notification = entry.last,
          // The mail is about one of those that were counted.
          .further = entry.further > 0 ? entry.further - 1 : 0,
          .all_subjects = key.subject.empty()};
}

}  // namespace sluice::notify
