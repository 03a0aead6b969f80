#include "engine/session/transaction.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/domain_name.h"
#include "engine/message/trace.h"
#include "engine/session/author_check.h"
#include "engine/session/sender_refusal.h"
#include "engine/smtp/ascii.h"
#include "policy/limit_text.h"

namespace sluice::session {
namespace {

// How long recipients, or the message, wait where a limit that slows was passed: less than a client's timeout (RFC 5321
// 4.5.3.2.3: 5 minutes), and than a drain's.
constexpr Duration kSlowed = std::chrono::seconds(3);

}  // namespace

Transaction::Transaction(Services& services, const ListenerRules& rules, Sender sender, Client client,
                         std::unique_ptr<message::MessageSink> sink, message::Envelope envelope)
    : services_(services),
      rules_(rules),
      rights_(sender.rights),
      client_(client),
      sink_(std::move(sink)),
      envelope_(std::move(envelope)),
      reservation_(std::move(sender.limits)),
      watch_(sender.watched),
      began_(services.loop.now()) {}

void Transaction::add(const smtp::RecipientCommand& command) {
  message::Recipient recipient{.forward_path = command.path.mailbox.text(),
                               .notify = command.parameters.notify,
                               .orcpt = std::string(command.parameters.orcpt)};
  std::vector<message::Recipient>& recipients = envelope_.recipients;
  if (watch_.on() && recipients.empty()) watch_.open(services_.loop.now());
  const auto same = index_.find(recipients, recipient);
  // One that was refused may be taken now.
  if (same && (*same >= accepted_.size() || accepted_[*same])) {
    added_.push_back({Answer::Kind::duplicate, *same});
  } else if (command.surplus) {
    added_.push_back({Answer::Kind::surplus, 0, std::move(recipient.forward_path)});
  } else if (watch_.on() && watch_.bars(recipient.forward_path)) {
    added_.push_back({.kind = Answer::Kind::offered, .recipient = 0, .barred = std::move(recipient.forward_path)});
  } else {
    added_.push_back({Answer::Kind::offered, recipients.size()});
    recipients.push_back(std::move(recipient));
  }
}

Transaction::OverLimit Transaction::over_limit(std::size_t recipients, const policy::LimitReached& limit) const {
  return {
      .recipients = recipients, .refusal = limit_refusal(limit, client_.policy_url), .figures = limit_figures(limit)};
}

// Those of the recipients from `first` on that are not to be kept go out of the envelope: none of them is offered to
// the sink.
void Transaction::drop(std::size_t first, const std::vector<bool>& keep, bool first_time) {
  std::vector<message::Recipient>& recipients = envelope_.recipients;
  CHECK(first + keep.size() == recipients.size());
  std::vector<std::size_t> places;  // that they have afterwards
  std::size_t kept = first;
  for (const bool each : keep) places.push_back(each ? kept++ : kept);
  for (Added& added : added_) {
    if (added.kind == Answer::Kind::surplus || !added.barred.empty() || !added.refused.empty() ||
        added.recipient < first)
      continue;
    if (keep[added.recipient - first]) {
      added.recipient = places[added.recipient - first];
    } else {
      added.refused = recipients[added.recipient].forward_path;
      added.over_first_time = first_time;
    }
  }
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (!keep[i] || places[i] == first + i) continue;
    recipients[places[i]] = std::move(recipients[first + i]);
    if (!first_time_.empty()) first_time_[places[i]] = first_time_[first + i];
  }
  recipients.resize(kept);
  if (!first_time_.empty()) first_time_.resize(kept);
  index_.forget(first);
}

// Of the recipients from `first` on the first-time ones that are too many.  The others go on: what a client sends at
// once is answered as if it had waited for each reply.
Task<void> Transaction::keep_first_time(std::size_t first, OverLimit& over) {
  const std::span<const message::Recipient> added = std::span(envelope_.recipients).subspan(first);
  const std::vector<bool> found = watch_.first_time(added);
  first_time_.resize(first);
  first_time_.insert(first_time_.end(), found.begin(), found.end());
  const auto wanted = static_cast<std::uint32_t>(std::ranges::count(found, true));
  if (wanted == 0) co_return;
  const Reservation::Room room = co_await reservation_.first_time_recipients(wanted, envelope_.size.value_or(0));
  if (room.recipients == wanted) co_return;
  over = over_limit(wanted - room.recipients, *room.refused);
  std::vector<bool> keep(found.size());
  std::uint32_t left = room.recipients;
  for (std::size_t i = 0; i < found.size(); ++i) {
    keep[i] = !found[i] || left > 0;
    if (found[i] && left > 0) --left;
  }
  drop(first, keep, true);
}

// Likewise those that are too many of all.
Task<void> Transaction::keep_recipients(std::size_t first, OverLimit& over) {
  const auto offered = static_cast<std::uint32_t>(envelope_.recipients.size() - first);
  if (offered == 0) co_return;
  const Reservation::Room room = co_await reservation_.recipients(offered, envelope_.size.value_or(0));
  if (room.recipients == offered) co_return;
  over = over_limit(offered - room.recipients, *room.refused);
  for (std::size_t i = first + room.recipients; i < first_time_.size(); ++i)
    if (first_time_[i]) reservation_.refused_first_time(1);
  std::vector<bool> keep(offered, false);
  std::fill_n(keep.begin(), room.recipients, true);
  drop(first, keep, false);
}

// Of the recipients from `first` on those that the submitter's limits leave no room for, with a refusal for each.
Task<void> Transaction::keep_to_limits(std::size_t first, OverLimits& over) {
  if (reservation_.limits_first_time()) co_await keep_first_time(first, over.first_time);
  co_await keep_recipients(first, over.all);
  envelope_.hold_reason = hold_reason();
  if (reservation_.take_slow()) co_await services_.loop.sleep(kSlowed, "the pace of a limit");
}

Task<void> Transaction::add_recipients(std::vector<Answer>& answers) {
  const std::size_t first = accepted_.size();
  std::vector<smtp::Reply> replies;
  OverLimits over;
  if (reservation_.limited() && first < envelope_.recipients.size()) {
    const Instant asked = services_.loop.now();
    co_await keep_to_limits(first, over);
    services_.counters.policy.observe(services_.loop.now() - asked);
  }
  if (first < envelope_.recipients.size()) co_await sink_->add_recipients(envelope_, first, replies);
  CHECK(first + replies.size() == envelope_.recipients.size());
  for (const smtp::Reply& reply : replies) {
    accepted_.push_back(reply.positive());
    if (reply.positive()) {
      ++taken_;
      ++services_.counters.recipients_taken;
    } else {
      ++services_.counters.recipients_refused;
      reservation_.refused(1);
      if (!first_time_.empty() && first_time_[accepted_.size() - 1]) reservation_.refused_first_time(1);
      const message::Recipient& refused = envelope_.recipients[accepted_.size() - 1];
      if (watch_.on())
        watch_.refused(refused.forward_path, reply, envelope_.id, services_.loop.now(), services_.observer);
    }
  }
  services_.counters.recipients_refused += over.first_time.recipients + over.all.recipients;
  for (Added& added : added_) {
    Answer answer{.kind = added.kind, .reply = smtp::replies::kRecipientOk};
    if (added.kind == Answer::Kind::surplus) {
      answer.recipient = std::move(added.surplus);
    } else if (!added.barred.empty()) {
      ++services_.counters.recipients_refused;
      answer.reply = suspended_as_bulk(client_.policy_url);
      answer.recipient = std::move(added.barred);
    } else if (!added.refused.empty()) {
      const OverLimit& limit = added.over_first_time ? over.first_time : over.all;
      answer.reply = limit.refusal;
      answer.detail = limit.figures;
      answer.recipient = std::move(added.refused);
    } else if (added.recipient >= first) {
      answer.reply = replies[added.recipient - first];
      if (!answer.reply.positive()) answer.recipient = envelope_.recipients[added.recipient].forward_path;
    }
    answers.push_back(std::move(answer));
  }
  added_.clear();
}

void Transaction::begin(message::BodyForm form) {
  CHECK(stage_ == Stage::envelope);
  stage_ = Stage::header;
  form_ = form;
  content_began_ = services_.loop.now();
  header_.reset({.header_bytes_max = rules_.header_bytes_max,
                 .dot_stuffed = form == message::BodyForm::dot_stuffed,
                 .authserv_id = rules_.profile.hostname});
}

Task<void> Transaction::write(Chain bytes, bool eight_bit) {
  envelope_.content.eight_bit = eight_bit;
  if (bytes_ == 0) content_began_ = services_.loop.now();
  bytes_ += bytes.size();
  if (refusal_) co_return;
  if (bytes_ > rules_.profile.message_bytes_max) {
    co_await refuse(smtp::replies::kMessageTooBig,
                    "over the limit of " + std::to_string(rules_.profile.message_bytes_max) + " bytes");
    co_return;
  }
  if (stage_ == Stage::body) {
    watch_.content(bytes, 0);
    co_await sink_->write(std::move(bytes));
    co_return;
  }
  for (std::size_t i = 0; i < bytes.extents(); ++i) header_.feed(bytes[i].view());
  held_.append(std::move(bytes));
  // A small piece must not pin a whole receive buffer while the rest of the header is on its way.
  if (header_.state() == message::HeaderState::need_more) {
    if (held_.pinned() > 4 * held_.size()) held_.compact();
    co_return;
  }
  co_await header_complete();
}

Task<void> Transaction::header_complete() {
  std::string detail;
  if (auto refusal = judge(detail)) {
    co_await refuse(*std::move(refusal), std::move(detail));
    co_return;
  }
  stage_ = Stage::body;
  envelope_.content.header_eight_bit = envelope_.content.eight_bit && header_is_eight_bit();
  watch_.content(held_, header_.header_size());
  Chain body;
  body.append_copy(fields_to_add());
  drops_.insert(drops_.end(), header_.edits().begin(), header_.edits().end());
  message::append_edited(std::exchange(held_, Chain()), std::exchange(drops_, {}), body);
  co_await sink_->begin(form_);
  co_await sink_->write(std::move(body));
}

smtp::Reply Transaction::not_permitted(const policy::SenderDecision& decision) const {
  ++services_.counters.senders_refused;
  return sender_refusal(decision, client_.policy_url);
}

bool Transaction::header_is_eight_bit() const {
  std::size_t left = header_.header_size();
  for (std::size_t i = 0; i < held_.extents() && left > 0; ++i) {
    const std::string_view part = held_[i].view().substr(0, left);
    if (smtp::has_eight_bit(part)) return true;
    left -= part.size();
  }
  return false;
}

// Whether the message may go on; the reply that refuses it otherwise.
std::optional<smtp::Reply> Transaction::judge(std::string& detail) {
  if (header_.state() == message::HeaderState::too_large) {
    detail = "over " + std::to_string(rules_.header_bytes_max) + " bytes";
    return smtp::replies::kHeaderTooLarge;
  }
  if (header_.state() == message::HeaderState::malformed) {
    detail = message::header_fault_text(header_.fault());
    return malformed_header(header_.fault());
  }
  if (header_.counts().received >= rules_.received_max) {
    detail = std::to_string(header_.counts().received) + " Received fields";
    return smtp::replies::kTooManyHops;
  }
  const message::AuthorVerdict verdict = message::judge_author(header_, {.smtputf8 = envelope_.smtputf8});
  if (const message::Mailbox* author = verdict.single()) {
    author_ = author->address();
    envelope_.author_domain = domain_key(author->domain);
  }
  std::vector<policy::Mailbox> authors;
  if (verdict.ok()) authors.push_back({verdict.single()->local_part, verdict.single()->domain});
  policy::SenderDecision decision = policy::check_authors(rights_, authors, envelope_.id);
  if (decision.allowed()) return rights_.any_domain() ? std::nullopt : judge_shown(verdict, detail);
  if (decision.verdict == policy::SenderVerdict::no_author && !verdict.ok()) {
    detail = message::author_fault_text(verdict.fault);
    decision = no_author(verdict.fault, envelope_.id);
  } else {
    detail = decision.reason;
  }
  return not_permitted(decision);
}

// What readers show as the author besides the address in From.
std::optional<smtp::Reply> Transaction::judge_shown(const message::AuthorVerdict& verdict, std::string& detail) {
  AuthorFinding finding = check_shown_authors(
      header_, verdict, rights_,
      {.foreign_sender = rules_.foreign_sender, .foreign_name = rules_.foreign_name, .smtputf8 = envelope_.smtputf8});
  drops_ = std::move(finding.drops);
  mark_name_ = finding.mark;
  if (finding.decision.allowed()) return std::nullopt;
  detail = finding.decision.reason;
  finding.decision.reason += " (" + envelope_.id + ")";
  return not_permitted(finding.decision);
}

std::string Transaction::fields_to_add() {
  std::string fields;
  const std::string ip = client_.address.ip();
  const WallMillis now = services_.loop.platform().clock.wall();
  message::append_received(fields, {.helo = client_.helo,
                                    .client_ip = ip,
                                    .by_host = rules_.profile.hostname,
                                    .queue_id = envelope_.id,
                                    .tls_version = client_.tls_version,
                                    .tls_cipher = client_.tls_cipher,
                                    .only_recipient = envelope_.recipients.size() == 1
                                                          ? std::string_view(envelope_.recipients.front().forward_path)
                                                          : std::string_view(),
                                    .esmtp = client_.esmtp,
                                    .tls = !client_.tls_version.empty(),
                                    .authenticated = client_.authenticated,
                                    .smtputf8 = envelope_.smtputf8,
                                    .hide_client = rules_.hide_client,
                                    .time = now});
  // RFC 6409 8.1 and 8.2: only where they are missing.
  if (header_.counts().date == 0) message::append_date(fields, now);
  envelope_.message_id = header_.message_id();
  if (header_.counts().message_id == 0)
    envelope_.message_id = message::append_message_id(fields, {.time = now,
                                                               .random = services_.loop.platform().random.number(),
                                                               .queue_id = envelope_.id,
                                                               .host = rules_.profile.hostname});
  if (mark_name_) fields += kForeignNameField;
  return fields;
}

Task<void> Transaction::refuse(smtp::Reply reply, std::string detail) {
  if (refusal_) co_return;
  refusal_ = std::move(reply);
  held_.clear();
  co_await abort_sink();
  outcome_.detail = std::move(detail);
}

// What it has asked of a next hop stays known.
Task<void> Transaction::abort_sink() {
  outcome_ = sink_->asked();
  co_await sink_->abort();
  sink_ = nullptr;
}

Task<smtp::Reply> Transaction::commit() {
  envelope_.content.whole = true;
  if (!refusal_ && stage_ == Stage::header) {
    header_.finish();
    co_await header_complete();
  }
  stage_ = Stage::done;
  if (refusal_) {
    outcome_.reply = *refusal_;
    co_return *refusal_;
  }
  if (const auto limit = co_await reservation_.content(bytes_)) {
    const smtp::Reply reply = limit_refusal(*limit, client_.policy_url);
    co_await refuse(reply, limit_figures(*limit));
    outcome_.reply = reply;
    co_return reply;
  }
  envelope_.hold_reason = hold_reason();
  if (const auto refusal = judge_sending()) {
    co_await refuse(*refusal, std::string(refusal->text()));
    outcome_.reply = *refusal;
    co_return *refusal;
  }
  outcome_ = co_await sink_->commit();
  sink_ = nullptr;
  if (outcome_.reply.positive()) {
    services_.counters.bytes_taken += bytes_;
    services_.counters.content.observe(services_.loop.now() - content_began_);
    reservation_.spend();
    // A limit of bytes, which are known now: no next hop waits for the client's next message.
    if (reservation_.take_slow()) co_await services_.loop.sleep(kSlowed, "the pace of a limit");
  }
  co_return outcome_.reply;
}

// Why the message is to be held, as far as the account's status and its limits say; empty: it is not.
std::string Transaction::hold_reason() const {
  if (!rights_.held()) return reservation_.hold_reason();
  std::string reason = "the account is held";
  if (!rights_.status_reason().empty()) reason.append(": ").append(rights_.status_reason());
  return reason;
}

// The noticer's verdict, before the next hop hears the end of the content.
std::optional<smtp::Reply> Transaction::judge_sending() {
  const bool list_unsubscribe = header_.counts().list_unsubscribe > 0;
  SendingWatch::Decision decision =
      watch_.decide(envelope_, accepted_, list_unsubscribe, services_.loop.now(), services_.observer);
  if (watch_.on()) reservation_.spend_first_time();
  if (decision.step == noticing::Step::suspend) return suspended_as_bulk(client_.policy_url);
  if (decision.step == noticing::Step::hold) envelope_.hold_reason = "noticed: " + std::move(decision.reason);
  return std::nullopt;
}

Task<void> Transaction::abort() {
  if (sink_ != nullptr) co_await abort_sink();
}

void Transaction::describe(MessageRecord& record) const {
  record.id = envelope_.id;
  record.listener = rules_.name;
  record.client = client_.address.ip();
  record.helo = client_.helo;
  record.tls = client_.tls_version;
  record.tls_cipher = client_.tls_cipher;
  record.reverse_path = envelope_.reverse_path;
  record.author = author_;
  record.more_recipients = message::address_lists(envelope_, message::kAddressListBytesMax);
  if (!record.more_recipients.empty()) {
    record.recipients = std::move(record.more_recipients.front());
    record.more_recipients.erase(record.more_recipients.begin());
  }
  record.message_id = envelope_.message_id;
  record.recipients_offered = static_cast<std::uint32_t>(envelope_.recipients.size());
  record.recipients_taken = taken_;
  record.bytes = bytes_;
  record.took = services_.loop.now() - began_;
  record.next_hop = outcome_.next_hop;
  record.next_hop_address = outcome_.next_hop_address;
  record.next_hop_tls = outcome_.next_hop_tls;
  record.code = outcome_.reply.code();
  record.reply = outcome_.reply.text();
  record.detail = outcome_.detail;
  if (outcome_.reply.positive()) record.hold_reason = envelope_.hold_reason;
  record.chunked = form_ == message::BodyForm::literal;
}

}  // namespace sluice::session
