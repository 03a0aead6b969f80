// Which notifications become a mail: of each recipient, cause and subject one an hour, with a count of further ones.
// The first one is a mail at once; where more came within its hour, the end of that hour is another one, about the last
// of them, with which a new hour begins.  Pure; one thread at a time.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/time.h"
#include "engine/notify/notification.h"

namespace sluice::notify {

inline constexpr Duration kMailEvery = std::chrono::hours(1);
// Of one cause the operator gets mails about so many subjects an hour; about all others together one more.
inline constexpr std::size_t kSubjectsMax = 20;
// Owners and subjects that a mail was sent about within the hour.
inline constexpr std::size_t kMailEntriesMax = 10'000;

// A mail that is to be written.
struct DueMail {
  std::string owner;  // empty: to the operator
  std::shared_ptr<const Notification> notification;
  std::uint64_t further = 0;  // others since the last mail
  bool all_subjects = false;  // and these are about others, too
};

class MailLedger {
 public:
  // `to_owner`: the mail is for the subject's owner, else for the operator.
  [[nodiscard]] std::optional<DueMail> add(std::shared_ptr<const Notification> notification, bool to_owner,
                                           Instant now);
  // Those whose hour is over.
  [[nodiscard]] std::vector<DueMail> due(Instant now);
  // When there may be some; never: there are none.
  [[nodiscard]] Instant next() const { return ages_.empty() ? Instant::max() : ages_.front().second + kMailEvery; }
  // All that have counted something: no further hour comes.
  [[nodiscard]] std::vector<DueMail> take_all();
  // Notifications that had no room, since the start.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  struct Key {
    std::string owner;  // empty: the operator
    Cause cause{};
    std::string subject;  // empty: all that have none of their own
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    std::uint64_t further = 0;
    std::shared_ptr<const Notification> last;
  };
  static DueMail mail_of(const Key& key, const Entry& entry);

  std::map<Key, Entry> entries_;
  std::map<Cause, std::size_t> subjects_;     // of the operator's entries
  std::deque<std::pair<Key, Instant>> ages_;  // the oldest first, and each entry once
  std::uint64_t lost_ = 0;
};

}  // namespace sluice::notify
