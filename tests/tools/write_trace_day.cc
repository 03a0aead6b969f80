// Writes the trace of a day that is made up, with faults in it, and what is true of that day:
//
//   write_trace_day MESSAGES DIRECTORY      (the files of the trace go there; on standard output, what is true, as
//   JSON)
//
// The day is 2026-11-28 (UTC).  Besides ordinary mail it has a large provider that puts mail off from nine to eleven, a
// domain that greylists, one whose host is dead, full mailboxes, dead addresses, a host that refuses for policy, wrong
// passwords and guessing, a stolen account whose mail is held, a limit that is reached, a newsletter to 2,000, and a
// restart at three.  Events are what the relay would emit, in the order of time; the same arguments make the same
// files.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/event/events.h"
#include "tests/support/traced_mail.h"
#include "tests/tools/trace_day.h"

namespace {

using namespace sluice;
using namespace sluice::trace_day;

constexpr std::size_t kNewsletterRecipients = 2000;

constexpr WallMillis at_time(int hour, int minute, int second = 0) {
  return kDayBegin + hour * kHour + minute * kMinute + second * kSecond;
}

// An answer of a next hop; code 0: there was none.
struct Answer {
  std::string verdict;
  std::uint64_t code = 0;
  std::string enhanced;
  std::string detail;
};

struct Sending {
  TracedMail mail;
  std::string from;
  std::uint64_t recipients = 1;
};

class DayOfMail {
 public:
  DayOfMail(std::uint64_t messages, const std::string& directory)
      : messages_(messages),
        mailbag_(1, std::max<std::uint64_t>(200, messages / 10), std::max<std::uint64_t>(100, messages / 20)),
        file_(directory) {}

  void run() {
    plan_cases();
    for (std::uint64_t i = 0; i < messages_; ++i) {
      const WallMillis at =
          kDayBegin + static_cast<WallMillis>(static_cast<double>(i) * 86'390'000.0 / static_cast<double>(messages_));
      schedule_.run_until(at);
      ordinary(at);
    }
    schedule_.run_until(kDayEnd);
    file_.flush(kDayEnd);
    ledger_.note("messages", std::to_string(messages_));
    ledger_.print();
  }

 private:
  // ---------------------------------------------------------------------------------------- events

  void accepted(WallMillis at, const Sending& sending) {
    const TracedMail& mail = sending.mail;
    const std::string reply = "2.0.0 Ok: queued as " + mail.id;
    file_.add(at, event::Message{.id = mail.id,
                                 .verdict = "taken",
                                 .code = 250,
                                 .listener = "0.0.0.0:465",
                                 .client = mail.client,
                                 .helo = "[192.168.1.10]",
                                 .tls = "TLSv1.3",
                                 .cipher = "TLS_AES_128_GCM_SHA256",
                                 .customer = mail.customer,
                                 .account = mail.account,
                                 .from = sending.from,
                                 .author = sending.from,
                                 .to = mail.to,
                                 .message_id = mail.message_id,
                                 .recipients = sending.recipients,
                                 .recipients_taken = sending.recipients,
                                 .bytes = 2000 + mailbag_.random() % 60'000,
                                 .by = "DATA",
                                 .ms = std::chrono::microseconds(20'000 + mailbag_.random() % 90'000),
                                 .reply = reply,
                                 .reply_sent = true});
    session_end(at + 400, mail.client, mail.account, mail.customer, "quit");
    ledger_.count("taken_by_customer", mail.customer);
    if (mail.account == stolen_account_) ledger_.count("stolen_by_client", mail.client);
  }
  void session_end(WallMillis at, const std::string& client, const std::string& account, const std::string& customer,
                   std::string_view reason) {
    schedule_.add(at, [=, this] {
      file_.add(at, event::SessionEnded{.reason = reason,
                                        .code = 221,
                                        .listener = "0.0.0.0:465",
                                        .client = client,
                                        .tls = "TLSv1.3",
                                        .customer = customer,
                                        .account = account,
                                        .messages = 1});
    });
  }
  void delivery(WallMillis at, const Sending& sending, const Answer& answer, std::uint64_t attempt, WallMillis next_try,
                std::string_view to = "") {
    const TracedMail& mail = sending.mail;
    const bool connected = answer.code != 0;
    const bool taken = answer.verdict == "relayed";
    const std::string domain = mail.to.substr(mail.to.rfind('@') + 1);
    file_.add(at, event::Delivery{.id = mail.id,
                                  .verdict = answer.verdict,
                                  .code = answer.code,
                                  .enhanced = answer.enhanced,
                                  .customer = mail.customer,
                                  .account = mail.account,
                                  .from = sending.from,
                                  .to = to.empty() ? std::string_view(mail.to) : to,
                                  .message_id = mail.message_id,
                                  .by = "queue",
                                  .destination = domain,
                                  .next_hop = connected ? std::string_view(mail.next_hop) : std::string_view(),
                                  .next_hop_address = connected ? "198.51.100.25:25" : "",
                                  .next_hop_tls = connected ? "TLSv1.3" : "",
                                  .attempt = attempt == 0 ? std::nullopt : std::optional(attempt),
                                  .taken = taken ? sending.recipients : 0,
                                  .refused = answer.verdict == "refused" ? sending.recipients : 0,
                                  .deferred = answer.verdict == "deferred" ? sending.recipients : 0,
                                  .bytes = 4096,
                                  .ms = std::chrono::microseconds(90'000 + mailbag_.random() % 900'000),
                                  .next_try = next_try,
                                  .detail = answer.detail});
  }
  void report(WallMillis at, const std::string& id, std::string_view kind) {
    const std::string report_id = mailbag_.next_id();
    if (id == bounced_) ledger_.note("bounced.report", report_id);
    file_.add(at,
              event::QueueNote{.id = id, .what = "report", .detail = std::string(kind).append(": ").append(report_id)});
  }

  // ---------------------------------------------------------------------------------------- fates

  Answer relayed(const TracedMail& mail) { return {"relayed", 250, "2.0.0", "Ok: queued as " + mail.queued_as}; }

  // Tried until it is taken: so many times put off with `answer`, and then the last one.
  void put_off(WallMillis begin, const Sending& sending, const Answer& answer, std::size_t tries, const Answer& last,
               const std::function<void(const Sending&)>& tally) {
    constexpr WallMillis kWaits[] = {kSecond,   5 * kMinute, 20 * kMinute, kHour,
                                     2 * kHour, 4 * kHour,   7 * kHour,    9 * kHour};
    for (std::size_t i = 0; i < tries; ++i) {
      const WallMillis at = begin + kWaits[i];
      const WallMillis next = begin + (i + 1 < std::size(kWaits) ? kWaits[i + 1] : 10 * kHour);
      schedule_.add(at, [=, this] {
        if (i == 0) tally(sending);
        delivery(at, sending, answer, i + 1, next);
      });
    }
    const bool expires = last.verdict == "expired";
    const WallMillis end = begin + (tries < std::size(kWaits) && !expires ? kWaits[tries] : 10 * kHour);
    schedule_.add(end, [=, this] { finish(end, sending, last, expires ? 0 : tries + 1); });
  }
  void finish(WallMillis at, const Sending& sending, const Answer& last, std::uint64_t attempt) {
    delivery(at, sending, last, attempt, 0);
    const std::string domain = sending.mail.to.substr(sending.mail.to.rfind('@') + 1);
    if (last.verdict == "expired") ledger_.count("expired_by_destination", domain);
    if (last.verdict == "refused" || last.verdict == "expired") report(at + 50, sending.mail.id, "failure");
  }
  void go_on(WallMillis at, const Sending& sending) {
    const TracedMail& mail = sending.mail;
    const std::string domain = mail.to.substr(mail.to.rfind('@') + 1);
    if (domain == "bigmail.example" && at >= at_time(9, 0) && at < at_time(11, 0) && mailbag_.random() % 3 == 0) {
      return put_off(at, sending, {"deferred", 421, "4.7.28", "Unusual rate of mail from your network, try later"}, 2,
                     relayed(mail), [this](const Sending& each) {
                       ledger_.count("bigmail_put_off_by_customer", each.mail.customer);
                       ledger_.count("bigmail_put_off_by_host",
                                     each.mail.next_hop.substr(0, each.mail.next_hop.find(':')));
                     });
    }
    if (domain == "grey.example")
      return put_off(at, sending, {"deferred", 451, "4.7.1", "Greylisted, please try again"}, 2, relayed(mail),
                     [this](const Sending& each) { ledger_.count("greylisted_by_account", each.mail.account); });
    if (domain == "deadhost.example")
      return put_off(at, sending, {"deferred", 0, "4.4.1", "connect: connection timed out"}, 8,
                     {"expired", 0, "4.4.7", "connect: connection timed out"}, [this](const Sending& each) {
                       ledger_.count("timed_out_by_destination", each.mail.to.substr(each.mail.to.rfind('@') + 1));
                     });
    if (domain == "boxes.example")
      return put_off(at, sending, {"deferred", 452, "4.2.2", "Mailbox is over quota"}, 4,
                     {"refused", 552, "5.2.2", "Mailbox is over quota"},
                     [this](const Sending& each) { ledger_.count("over_quota_by_recipient", each.mail.to); });
    Answer last = relayed(mail);
    if (mail.to.starts_with("gone")) last = {"refused", 550, "5.1.1", "No such user here"};
    if (domain == "strict.example")
      last = {"refused", 550, "5.7.1", "Message refused by policy, see https://strict.example/help"};
    schedule_.add(at + kSecond, [=, this] {
      if (last.code == 550)
        ledger_.count(domain == "strict.example" ? "strict_by_account" : "dead_by_customer",
                      domain == "strict.example" ? mail.account : mail.customer);
      finish(at + kSecond, sending, last, 1);
    });
  }

  // ---------------------------------------------------------------------------------------- mail

  void ordinary(WallMillis at) {
    Sending sending{.mail = mailbag_.next()};
    TracedMail& mail = sending.mail;
    sending.from = mail.account;
    const std::uint64_t roll = mailbag_.random() % 1000;
    const std::string user = "rcpt" + std::to_string(mailbag_.random() % 5000);
    const auto to = [&mail](const std::string& recipient, const std::string& host) {
      mail.to = recipient;
      mail.next_hop = host + ":25";
    };
    if (roll < 120) to(user + "@bigmail.example", "mx" + std::to_string(roll % 3) + ".bigmail.example");
    if (roll >= 120 && roll < 150) to(user + "@grey.example", "mx.grey.example");
    if (roll >= 150 && roll < 157) to(user + "@deadhost.example", "mx.deadhost.example");
    if (roll >= 157 && roll < 165) to("full" + std::to_string(roll) + "@boxes.example", "mx.boxes.example");
    if (roll >= 165 && roll < 185) mail.to = "gone" + mail.to;
    if (roll >= 185 && roll < 189) to(user + "@strict.example", "mx.strict.example");
    accepted(at, sending);
    go_on(at, sending);
  }

  Sending made(const std::string& account, const std::string& customer, const std::string& to,
               const std::string& host) {
    Sending sending{.mail = mailbag_.next()};
    sending.mail.account = account;
    sending.mail.customer = customer;
    sending.mail.client = "203.0.113.20";
    sending.mail.to = to;
    sending.mail.next_hop = host + ":25";
    sending.mail.message_id = "<" + mailbag_.hex() + "@" + customer.substr(0, 4) + ".example>";
    sending.from = account;
    return sending;
  }
  // A message of its own, under `name` in the ledger.
  void one(WallMillis at, const std::string& name, const Sending& sending) {
    ledger_.note(name + ".id", sending.mail.id);
    ledger_.note(name + ".message_id", sending.mail.message_id);
    ledger_.note(name + ".account", sending.mail.account);
    ledger_.note(name + ".to", sending.mail.to);
    schedule_.add(at, [=, this] {
      accepted(at, sending);
      go_on(at, sending);
    });
  }

  void plan_cases() {
    one(at_time(8, 10), "greylisted", made("alice@acme.example", "Acme Ltd", "ralph@grey.example", "mx.grey.example"));
    one(at_time(20, 0), "waiting",
        made("alice@acme.example", "Acme Ltd", "wanda@deadhost.example", "mx.deadhost.example"));
    one(at_time(6, 0), "expired", made("alice@acme.example", "Acme Ltd", "ed@deadhost.example", "mx.deadhost.example"));
    Sending three =
        made("carol@acme.example", "Acme Ltd", "anna@d1.example, bert@d1.example, cleo@d1.example", "mx0.d1.example");
    three.recipients = 3;
    one(at_time(9, 40, 12), "at_0940", three);
    const Sending bounced = made("alice@acme.example", "Acme Ltd", "gone@d7.example", "mx0.d7.example");
    bounced_ = bounced.mail.id;
    one(at_time(12, 5), "bounced", bounced);
    one(at_time(13, 0), "over_quota",
        made("frank@acme.example", "Acme Ltd", "full1@boxes.example", "mx.boxes.example"));
    one(at_time(14, 0), "password_mail", made("noreply@shop.example", "Shop", "user77@d9.example", "mx0.d9.example"));
    one(at_time(15, 0), "strict", made("alice@acme.example", "Acme Ltd", "sam@strict.example", "mx.strict.example"));
    plan_refusals();
    plan_stolen_account();
    plan_newsletter();
    plan_restart();
  }

  void refused(WallMillis at, const std::string& name, const std::string& account, std::string_view reason,
               std::string_view command, const std::string& argument, std::uint64_t code, std::string_view reply,
               std::string_view detail) {
    const std::string id = mailbag_.next_id();
    if (!name.empty()) ledger_.note(name + ".id", id);
    schedule_.add(at, [=, this] {
      file_.add(at, event::Refused{.id = id,
                                   .code = code,
                                   .reason = reason,
                                   .listener = "0.0.0.0:465",
                                   .client = "203.0.113.21",
                                   .helo = "pc",
                                   .customer = "Acme Ltd",
                                   .account = account,
                                   .command = command,
                                   .argument = argument,
                                   .reply = reply,
                                   .detail = detail});
      if (reason == "limit_reached") ledger_.count("limited_by_account", account);
    });
  }
  void login(WallMillis at, const std::string& client, const std::string& account, const char* result) {
    schedule_.add(at, [=, this] {
      file_.add(at, event::Login{.result = result,
                                 .listener = "0.0.0.0:465",
                                 .client = client,
                                 .account = account,
                                 .reason = "the password is wrong"});
      ledger_.count("wrong_by_client", client);
      if (client == "203.0.113.66") ledger_.count("guessed_by_account", account);
    });
  }
  void plan_refusals() {
    refused(at_time(10, 15), "refused", "bob@acme.example", "sender_domain", "MAIL", "FROM:<boss@elsewhere.example>",
            550, "5.7.1 The sender's domain is not one of yours", "");
    ledger_.note("refused.account", "bob@acme.example");
    for (int i = 0; i < 12; ++i)
      refused(at_time(16, i), i == 0 ? "limited" : "", "eve@acme.example", "limit_reached", "RCPT",
              "TO:<r" + std::to_string(i) + "@d3.example>", 452, "4.5.3 The limit of recipients is reached",
              "500 recipients a day of account eve@acme.example: 500 are used");
    for (int i = 0; i < 4; ++i) login(at_time(7, 30 + i), "203.0.113.9", "dave@acme.example", "wrong");
    for (int i = 0; i < 60; ++i)
      login(at_time(4, 0, i), "203.0.113.66", TracedMailbag::account_name(static_cast<std::uint64_t>(i % 30)), "wrong");
  }
  // Noticed at noon; its mail is held, and an operator has removed it at one.
  void plan_stolen_account() {
    constexpr int kHeld = 5;
    stolen_account_ = "mallory@shop.example";
    for (int i = 0; i < kHeld; ++i) {
      Sending sending = made(stolen_account_, "Shop", "victim" + std::to_string(i) + "@d5.example", "mx0.d5.example");
      sending.mail.client = "198.51.100." + std::to_string(60 + i);
      const WallMillis at = at_time(12, 0, i);
      if (i == 0) ledger_.note("held.id", sending.mail.id);
      schedule_.add(at, [=, this] {
        if (i == 0)
          file_.add(at, event::AccountNoticed{.id = sending.mail.id,
                                              .account = stolen_account_,
                                              .customer = "Shop",
                                              .policy_class = "standard",
                                              .step = "hold",
                                              .effect = "hold",
                                              .strikes = 1,
                                              .score = 80,
                                              .reasons = "4 countries within an hour (40), 90 new recipients (40)",
                                              .client = sending.mail.client});
        accepted(at, sending);
        file_.add(at + 1, event::MessageHeld{.id = sending.mail.id,
                                             .account = stolen_account_,
                                             .customer = "Shop",
                                             .from = stolen_account_,
                                             .recipients = 1,
                                             .reason = "the account was noticed (step hold)"});
        ledger_.count("held_by_account", stolen_account_);
      });
      schedule_.add(at + kHour, [=, this] { delivery(at + kHour, sending, {.verdict = "removed"}, 0, 0); });
    }
  }
  // To 2,000 recipients of four domains: one has twenty that are gone, another one puts all off.
  void plan_newsletter() {
    Sending sending = made("news@press.example", "Press", "", "mx.d2.example");
    sending.recipients = kNewsletterRecipients;
    std::vector<std::string> good, gone, waiting, all;
    for (std::size_t i = 0; i < kNewsletterRecipients; ++i) {
      auto& kind = i % 100 == 7 ? gone : i % 100 == 9 ? waiting : good;
      const char* const domain = &kind == &waiting ? "@deadhost.example" : i % 2 == 0 ? "@d2.example" : "@d4.example";
      kind.push_back("reader" + std::to_string(i) + domain);
      all.push_back(kind.back());
    }
    ledger_.note("newsletter.id", sending.mail.id);
    ledger_.note("newsletter.account", sending.mail.account);
    const WallMillis at = at_time(18, 0);
    schedule_.add(at, [=, this] { newsletter(at, sending, all); });
    schedule_.add(at + kSecond, [=, this] {
      for (const std::string& part : parts(good)) delivery(at + kSecond, sending, relayed(sending.mail), 1, 0, part);
      for (const std::string& part : parts(gone))
        delivery(at + kSecond, sending, {"refused", 550, "5.1.1", "No such user here"}, 1, 0, part);
      for (const std::string& each : gone) ledger_.count("newsletter_refused", each);
      for (const std::string& each : waiting) ledger_.count("newsletter_waiting", each);
      ledger_.count("dead_by_customer", "Press");
      ledger_.count("timed_out_by_destination", "deadhost.example");
      ledger_.note("newsletter.relayed", std::to_string(good.size()));
    });
    constexpr WallMillis kWaits[] = {kSecond, 5 * kMinute, 20 * kMinute, kHour, 2 * kHour, 4 * kHour};
    for (std::size_t i = 0; i < std::size(kWaits); ++i) {
      const WallMillis tried = at + kWaits[i] + 1;
      schedule_.add(tried, [=, this] {
        for (const std::string& part : parts(waiting))
          delivery(tried, sending, {"deferred", 0, "4.4.1", "connect: connection timed out"}, i + 1, at_time(25, 0),
                   part);
      });
    }
  }
  void newsletter(WallMillis at, Sending sending, const std::vector<std::string>& all) {
    const auto lists = parts(all);
    sending.mail.to = lists.front();
    accepted(at, sending);
    for (std::size_t i = 1; i < lists.size(); ++i)
      file_.add(at, event::MessageRecipients{.id = sending.mail.id, .part = i + 1, .to = lists[i]});
  }
  // As many to a text as have room.
  static std::vector<std::string> parts(const std::vector<std::string>& recipients) {
    std::vector<std::string> lists(1);
    for (const std::string& each : recipients) {
      if (lists.back().size() + 2 + each.size() > event::kTextBytesMax) lists.emplace_back();
      lists.back().append(lists.back().empty() ? "" : ", ").append(each);
    }
    return lists;
  }
  void plan_restart() {
    constexpr int kCutOff = 20;
    for (int i = 0; i < kCutOff; ++i) {
      const TracedMail mail = mailbag_.next();
      const WallMillis at = at_time(3, 0, 5) + i;
      schedule_.add(at, [=, this] {
        file_.add(at, event::MessageAborted{.id = mail.id,
                                            .reason = "shutting_down",
                                            .listener = "0.0.0.0:465",
                                            .client = mail.client,
                                            .helo = "pc",
                                            .customer = mail.customer,
                                            .account = mail.account,
                                            .from = mail.account,
                                            .to = mail.to,
                                            .recipients = 1,
                                            .recipients_taken = 1,
                                            .bytes = 90'000});
        session_end(at + 1, mail.client, mail.account, mail.customer, "shutting_down");
        ledger_.count("cut_off_by_account", mail.account);
      });
    }
  }

  const std::uint64_t messages_;
  TracedMailbag mailbag_;
  TraceFile file_;
  Ledger ledger_;
  Schedule schedule_;
  std::string stolen_account_;
  std::string bounced_;  // id of a message
};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t messages = 0;
  const std::string_view count = argc == 3 ? argv[1] : "";
  if (std::from_chars(count.data(), count.data() + count.size(), messages).ec != std::errc() || messages == 0) {
    std::fprintf(stderr, "usage: write_trace_day MESSAGES DIRECTORY\n");
    return 2;
  }
  DayOfMail(messages, argv[2]).run();
  return 0;
}
