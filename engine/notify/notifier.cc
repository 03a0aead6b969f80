#include "engine/notify/notifier.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "engine/notify/mail_text.h"
#include "engine/text/hex.h"

namespace sluice::notify {
namespace {

constexpr Duration kReportLostEvery = std::chrono::minutes(1);
constexpr std::size_t kMailsWaitingMax = 1000;

int milliseconds_until(Instant when, Instant now) {
  if (when == Instant::max()) return -1;
  constexpr std::int64_t kLongestMs = 3'600'000;
  const std::int64_t span = std::max(when - now, Duration::zero()) / std::chrono::milliseconds(1) + 1;
  return static_cast<int>(std::min(span, kLongestMs));
}

std::string_view result_word(Outcome::Result result) {
  switch (result) {
    case Outcome::Result::delivered:
      return "delivered";
    case Outcome::Result::later:
      return "failed, would be tried again";
    case Outcome::Result::never:
      break;
  }
  return "refused, would not be tried again";
}

}  // namespace

Notifier::Notifier(NotifierOptions options, io::Clock& clock, io::Random& random, event::Dispatcher& events)
    : options_(std::move(options)), clock_(clock), random_(random), events_(events) {
  const auto changed = [this] { events_.request_turn(); };
  for (const WebhookOptions& webhook : options_.webhooks)
    webhooks_.push_back(std::make_unique<Channel>(
        webhook.queue, clock_,
        [this, &webhook](const OutboxItem& item, const std::atomic<bool>& give_up) {
          return post_to_webhook(webhook, item, clock_.wall(), give_up);
        },
        changed));
  if (options_.mail)
    mail_ = std::make_unique<Channel>(
        kMailsWaitingMax, clock_,
        [this](const OutboxItem& item, const std::atomic<bool>& give_up) {
          return send_mail(*options_.mail, item, give_up);
        },
        changed);
  if (!options_.syslog.place.empty()) syslog_ = log::open_syslog(options_.syslog);
  events_.add(*this, kNotifiedLeast);
}

// Their threads end first: they call the event thread.
Notifier::~Notifier() {
  for (const auto& webhook : webhooks_) webhook->outbox.stop(Duration::zero());
  if (mail_ != nullptr) mail_->outbox.stop(Duration::zero());
  events_.stop();
}

void Notifier::start() {
  for (const auto& webhook : webhooks_) webhook->outbox.start();
  if (mail_ != nullptr) mail_->outbox.start();
}

void Notifier::stop() {
  if (std::exchange(stopped_, true)) return;
  ending_.store(true);
  wait_for_turns();
  std::vector<Outbox*> outboxes;
  outboxes.reserve(webhooks_.size() + 1);
  for (const auto& webhook : webhooks_) outboxes.push_back(&webhook->outbox);
  if (mail_ != nullptr) outboxes.push_back(&mail_->outbox);
  for (Outbox* outbox : outboxes) outbox->begin_stop();
  const Instant end = clock_.now() + kNotifyStopMax;
  for (Outbox* outbox : outboxes) outbox->stop(std::max(end - clock_.now(), Duration::zero()));
  report_all_.store(true);
  wait_for_turns();
}

// Until every event of before was taken, and a turn has begun and ended behind that: the first turn that ends may have
// begun before.
void Notifier::wait_for_turns() {
  for (int turns = 0; turns < 2; ++turns) {
    std::future<void> done;
    {
      const std::lock_guard lock(turns_mutex_);
      done = turns_awaited_.emplace_back().get_future();
    }
    events_.request_turn();
    done.wait();
  }
}

std::string Notifier::new_id() {
  std::array<std::byte, 12> bytes;
  {
    const std::lock_guard lock(random_use_);
    random_.fill(bytes);
  }
  return "msg_" + text::hex(bytes);
}

void Notifier::take(const event::Event& event) {
  auto made = notification_of(event);
  if (!made) return;
  made->id = new_id();
  const auto notification = std::make_shared<const Notification>(*std::move(made));
  std::shared_ptr<const OutboxItem> item;
  for (std::size_t i = 0; i < webhooks_.size(); ++i) {
    if (!options_.webhooks[i].causes.has(notification->cause)) continue;
    if (item == nullptr)
      item = std::make_shared<const OutboxItem>(
          OutboxItem{.id = notification->id, .to = {}, .text = webhook_body(*notification, options_.host)});
    webhooks_[i]->outbox.add(item);
  }
  if (mail_ != nullptr) mail_if_due(notification);
  if (syslog_ != nullptr) syslog_->add(syslog_text(*notification));
}

std::string Notifier::syslog_text(const Notification& notification) const {
  return log::syslog_message({.at = notification.at,
                              .severity = notification.severity,
                              .host = options_.host,
                              .kind = words_of(notification.cause).name,
                              .text = notification.json});
}

void Notifier::mail_if_due(const std::shared_ptr<const Notification>& notification) {
  const MailOptions& mail = *options_.mail;
  const Instant now = clock_.now();
  std::vector<DueMail> mails;
  const auto add = [&](bool to_owner) {
    if (auto due = ledger_.add(notification, to_owner, now)) mails.push_back(*std::move(due));
  };
  if (!mail.operators.empty() && mail.causes.has(notification->cause)) add(/*to_owner=*/false);
  if (mail.owner && mailbox_of(notification->owner)) add(/*to_owner=*/true);
  send(mails);
  for (; ledger_lost_ < ledger_.lost(); ++ledger_lost_)
    mail_->outbox.count_lost("there are too many subjects within an hour");
}

void Notifier::send(const std::vector<DueMail>& mails) {
  for (const DueMail& mail : mails) mail_->outbox.add(std::make_shared<const OutboxItem>(item_of(mail)));
}

OutboxItem Notifier::item_of(const DueMail& mail) {
  MailFrame frame{
      .host = options_.host, .from = options_.mail->from, .to = options_.mail->operators, .now = clock_.wall()};
  if (!mail.owner.empty()) frame.to = {mailbox_of(mail.owner).value_or("")};
  {
    const std::lock_guard lock(random_use_);
    frame.random = random_.number();
  }
  return {.id = mail.notification->id, .to = frame.to, .text = mail_text(mail, frame)};
}

event::Rest Notifier::turn(event::Emitter& own) {
  const Instant now = clock_.now();
  event::Rest rest;
  if (syslog_ != nullptr) rest = syslog_->turn(now);
  Instant next = Instant::max();
  if (mail_ != nullptr) {
    send(ending_.load() ? ledger_.take_all() : ledger_.due(now));
    next = ledger_.next();
  }
  next = std::min(next, report(own));
  const int due_ms = milliseconds_until(next, now);
  if (rest.timeout_ms < 0 || (due_ms >= 0 && due_ms < rest.timeout_ms)) rest.timeout_ms = due_ms;
  const std::lock_guard lock(turns_mutex_);
  for (std::promise<void>& awaited : turns_awaited_) awaited.set_value();
  turns_awaited_.clear();
  return rest;
}

Instant Notifier::report(event::Emitter& events) {
  Instant next = Instant::max();
  for (std::size_t i = 0; i < webhooks_.size(); ++i) {
    const std::string& name = options_.webhooks[i].name;
    const Outbox::News news = webhooks_[i]->outbox.take_news();
    if (news.failed) events.emit(event::WebhookFailed{.webhook = name, .reason = news.reason, .waiting = news.waiting});
    if (news.back) events.emit(event::WebhookBack{.webhook = name});
    next = std::min(next, report_lost(events, name, news.lost, news.lost_reason, webhooks_[i]->reported));
  }
  if (mail_ != nullptr) {
    const std::string& server = options_.mail->server;
    const Outbox::News news = mail_->outbox.take_news();
    if (news.failed)
      events.emit(event::NotifyMailFailed{.server = server, .reason = news.reason, .waiting = news.waiting});
    if (news.back) events.emit(event::NotifyMailBack{.server = server});
    next = std::min(next, report_lost(events, "mail " + server, news.lost, news.lost_reason, mail_->reported));
  }
  if (syslog_ != nullptr)
    next = std::min(next, report_lost(events, "syslog " + syslog_->place(), syslog_->lost(), syslog_->lost_reason(),
                                      syslog_reported_));
  return next;
}

// Returns when the rest may be reported.
Instant Notifier::report_lost(event::Emitter& events, const std::string& channel, std::uint64_t lost,
                              const std::string& reason, Reported& reported) {
  if (lost == reported.lost) return Instant::max();
  const Instant now = clock_.now();
  if (!report_all_.load() && reported.at && now - *reported.at < kReportLostEvery)
    return *reported.at + kReportLostEvery;
  reported.at = now;
  events.emit(event::NotificationsLost{
      .channel = channel, .lost = lost - std::exchange(reported.lost, lost), .reason = reason});
  return Instant::max();
}

// Whether syslog took it: what a connection is needed for takes a while.
bool Notifier::test_syslog(const Notification& notification) const {
  constexpr auto kLook = std::chrono::milliseconds(50);
  constexpr int kLooksMax = 100;
  const auto syslog = log::open_syslog(options_.syslog);
  syslog->add(syslog_text(notification));
  for (int looks = 0; syslog->turn(clock_.now()).pending; ++looks) {
    if (looks == kLooksMax || tests_end_.load() || !log::syslog_server(syslog->place())) return false;
    std::this_thread::sleep_for(kLook);
  }
  return syslog->lost() == 0;
}

std::vector<Notifier::Tested> Notifier::test() {
  Notification notification = test_notification(clock_.wall());
  notification.id = new_id();
  std::vector<Tested> lines;
  const auto add = [&lines](const std::string& channel, const Outcome& outcome) {
    std::string line = channel + ": " + std::string(result_word(outcome.result));
    if (!outcome.words.empty()) line += ": " + outcome.words;
    lines.push_back({.good = outcome.result == Outcome::Result::delivered, .line = std::move(line)});
  };
  const OutboxItem item{.id = notification.id, .to = {}, .text = webhook_body(notification, options_.host)};
  for (const WebhookOptions& webhook : options_.webhooks)
    add(webhook.name, post_to_webhook(webhook, item, clock_.wall(), tests_end_));
  if (options_.mail && !options_.mail->operators.empty()) {
    const auto shared = std::make_shared<const Notification>(notification);
    add("mail " + options_.mail->server,
        send_mail(*options_.mail, item_of({.owner = {}, .notification = shared}), tests_end_));
  }
  if (!options_.syslog.place.empty())
    add("syslog " + options_.syslog.place,
        {.result = test_syslog(notification) ? Outcome::Result::delivered : Outcome::Result::later});
  return lines;
}

}  // namespace sluice::notify
