// The consumer of events that notifies operators and owners: webhooks, mail, syslog.
//
//   event thread   take(): notification_of() -> webhooks:  Outbox, a thread each -> libcurl
//                                            -> mail:      MailLedger -> Outbox, a thread -> libcurl -> notify.server
//                                            -> syslog:    a datagram, at once or when the socket takes it
//
// The event thread waits for none of them, and none for another: what hangs costs its own queue.  What is lost is
// counted and reported by the event notifications_lost.  It is all in memory: a process that is killed loses what
// waited.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/event/dispatcher.h"
#include "engine/io/platform.h"
#include "engine/log/syslog.h"
#include "engine/notify/mail.h"
#include "engine/notify/mail_ledger.h"
#include "engine/notify/outbox.h"
#include "engine/notify/webhook.h"

namespace sluice::notify {

struct NotifierOptions {
  std::string host;  // server.hostname
  std::vector<WebhookOptions> webhooks;
  std::optional<MailOptions> mail;
  log::SyslogOptions syslog;  // an empty place: none
  // Whether anybody is notified at all.
  [[nodiscard]] bool any() const { return !webhooks.empty() || mail || !syslog.place.empty(); }
};

inline constexpr Duration kNotifyStopMax = std::chrono::seconds(3);

// Owned by the program; made before the event thread starts, and stopped before that ends.
class Notifier final : public event::Consumer {
 public:
  // All of them outlive the notifier.  `random` is the event thread's, and that of test().
  Notifier(NotifierOptions options, io::Clock& clock, io::Random& random, event::Dispatcher& events);
  ~Notifier() override;

  // The event thread runs.
  void start();
  // While the event thread runs.  What happened before this is still delivered as far as it can be within
  // kNotifyStopMax; what is lost is reported before this returns.
  void stop();

  // A line on what came of a test notification, for each webhook, for mail and for syslog.  Blocks; any thread.
  struct Tested {
    bool good = false;
    std::string line;
  };
  [[nodiscard]] std::vector<Tested> test();
  // Any thread: tests end soon, and from now on at once.
  void end_tests() { tests_end_.store(true); }

  void take(const event::Event& event) override;
  event::Rest turn(event::Emitter& own) override;

 private:
  // What has been reported of one channel.
  struct Reported {
    std::uint64_t lost = 0;
    std::optional<Instant> at;
  };
  struct Channel {
    Outbox outbox;
    Reported reported;
    template <typename... Arguments>
    explicit Channel(Arguments&&... arguments) : outbox(std::forward<Arguments>(arguments)...) {}
  };
  [[nodiscard]] std::string new_id();
  void mail_if_due(const std::shared_ptr<const Notification>& notification);
  [[nodiscard]] OutboxItem item_of(const DueMail& mail);
  [[nodiscard]] std::string syslog_text(const Notification& notification) const;
  [[nodiscard]] bool test_syslog(const Notification& notification) const;
  void send(const std::vector<DueMail>& mails);
  Instant report(event::Emitter& events);
  Instant report_lost(event::Emitter& events, const std::string& channel, std::uint64_t lost, const std::string& reason,
                      Reported& reported);
  void wait_for_turns();

  const NotifierOptions options_;
  io::Clock& clock_;
  io::Random& random_;
  event::Dispatcher& events_;
  std::mutex random_use_;  // over random_
  std::vector<std::unique_ptr<Channel>> webhooks_;
  std::unique_ptr<Channel> mail_;  // null: none
  std::unique_ptr<log::Channel> syslog_;
  Reported syslog_reported_;
  MailLedger ledger_;
  std::uint64_t ledger_lost_ = 0;  // of these the outbox knows
  bool stopped_ = false;
  std::atomic<bool> tests_end_{false};
  std::atomic<bool> ending_{false};      // no mail waits for its hour to end
  std::atomic<bool> report_all_{false};  // nor what is lost for its minute

  std::mutex turns_mutex_;  // over the next one
  std::vector<std::promise<void>> turns_awaited_;
};

}  // namespace sluice::notify
