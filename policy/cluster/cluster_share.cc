#include "policy/cluster/cluster_share.h"

#include <algorithm>
#include <utility>

namespace sluice::policy {
namespace {

constexpr std::size_t kSendersMax = 1024;
constexpr std::size_t kNewsMax = 8;     // messages of news of the shield in one beat
constexpr std::size_t kSendingMax = 8;  // of what accounts send
constexpr int kCallsMax = 64;           // in one beat, while there is more to read or to tell
// News of so long ago count in no window.
constexpr WallMillis kNewsAgeMax = WallMillis{24} * 3600 * 1000;
// What was sent counts as of now: what was told so long ago is not heard any more.
constexpr WallMillis kSendingAgeMax = WallMillis{3600} * 1000;

WallMillis milliseconds(Duration span) { return std::chrono::duration_cast<std::chrono::milliseconds>(span).count(); }

}  // namespace

ClusterShare::ClusterShare(ClusterParts parts, ClusterOptions options, ShareHooks hooks)
    : parts_(parts),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      keys_(share_keys(options_.key)),
      client_(parts_, options_, share_function()),
      began_(now()),
      call_{.prefix = options_.prefix},
      timer_([](void* self) { static_cast<ClusterShare*>(self)->woken_.set(); }, this) {
  CHECK(!options_.key.empty());
}

ClusterShare::~ClusterShare() { CHECK(tasks_.live() == 0); }

WallMillis ClusterShare::now() const { return parts_.loop.platform().clock.wall(); }

void ClusterShare::start() { tasks_.add(run()); }

Task<void> ClusterShare::run() {
  while (!closing_) {
    co_await beat();
    if (closing_) break;
    parts_.loop.timers().arm(timer_, parts_.loop.now() + kBeat);
    co_await woken_.wait("the next beat of what relays share");
    parts_.loop.timers().disarm(timer_);
    // More comes within that time, of one account mostly.
    if (std::exchange(soon_, false) && !closing_) co_await parts_.loop.sleep(kSoon, "more of what accounts send");
  }
}

// While Redis does not answer there is no haste.
void ClusterShare::wake() {
  if (alone_) return;
  soon_ = true;
  woken_.set();
}

Task<void> ClusterShare::close() {
  closing_ = true;
  parts_.loop.timers().disarm(timer_);
  woken_.set();
  co_await tasks_.join("what relays share");
  if (!alone_) co_await beat();
  co_await client_.close();
}

void ClusterShare::publish(std::string account, noticing::Step step, Duration lasts, std::string reason) {
  if (step == noticing::Step::pass) lasts = kLiftedFor;
  reason.resize(std::min(reason.size(), ShareMessage::kTextBytesMax));
  const AccountStep& taken = ledger_.take(
      {.account = std::move(account), .step = step, .until = now() + milliseconds(lasts), .reason = std::move(reason)},
      now());
  // Of one account the latest is enough.
  std::erase_if(to_tell_, [&taken](const AccountStep& each) { return each.account == taken.account; });
  if (to_tell_.size() < StepLedger::kAccountsMax) to_tell_.push_back(taken);
  woken_.set();
}

// ------------------------------------------------------------------------------------------ what is told

std::size_t ClusterShare::room() const {
  constexpr std::size_t kHeaderBytesMax = 64;
  return ShareMessage::kBytesMax - kHeaderBytesMax - options_.node.size();
}

std::string ClusterShare::seal(ShareMessage message) {
  message.node = options_.node;
  message.began = began_;
  message.number = ++last_number_;
  message.sent = now();
  const std::string bytes = encode_share(message);
  CHECK(bytes.size() <= ShareMessage::kBytesMax);
  return seal_share(keys_, options_.prefix, bytes, parts_.loop.platform().random);
}

// What was not passed on is told as it was, before what came after it.
void ClusterShare::gather_news() {
  if (!call_.log.empty()) return;
  while (call_.log.size() < kNewsMax) {
    auth::ShieldNews news = hooks_.take_news(room());
    if (news.empty()) break;
    call_.log.push_back(seal({.news = std::move(news)}));
  }
}

void ClusterShare::gather_sending() {
  if (!call_.sending.empty()) return;
  while (call_.sending.size() < kSendingMax) {
    std::vector<noticing::SendingNews> sending = hooks_.take_sending(room());
    if (sending.empty()) return;
    call_.sending.push_back(seal({.sending = std::move(sending)}));
  }
}

void ClusterShare::gather_steps() {
  if (!call_.steps.empty() || to_tell_.empty()) return;
  std::size_t bytes = 0;
  std::size_t count = 0;
  while (count < std::min(to_tell_.size(), ShareMessage::kStepsMax)) {
    bytes += share_bytes(to_tell_[count]);
    if (bytes > room()) break;
    ++count;
  }
  const auto end = to_tell_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<AccountStep> steps(std::make_move_iterator(to_tell_.begin()), std::make_move_iterator(end));
  to_tell_.erase(to_tell_.begin(), end);
  call_.steps.push_back(seal({.steps = std::move(steps)}));
}

Task<void> ClusterShare::beat() {
  gather_news();
  gather_sending();
  for (int i = 0; i < kCallsMax; ++i) {
    gather_steps();
    call_.new_epoch = std::to_string(parts_.loop.platform().random.number());
    const auto reply = co_await client_.call(0, share_words(call_));
    const auto parsed =
        reply ? parse_share_reply(*reply) : std::expected<ShareReply, std::string>(std::unexpected(reply.error()));
    if (!parsed) {
      failed(parsed.error());
      co_return;
    }
    if (std::exchange(alone_, false)) tell(ShareNotice::Kind::reachable);
    call_.log.clear();
    call_.steps.clear();
    call_.sending.clear();
    heard(*parsed);
    if (!parsed->more && to_tell_.empty()) co_return;
  }
}

void ClusterShare::failed(const std::string& reason) {
  if (!std::exchange(alone_, true)) tell(ShareNotice::Kind::alone, reason);
}

void ClusterShare::tell(ShareNotice::Kind kind, std::string reason) {
  hooks_.tell({.kind = kind, .reason = std::move(reason), .steps = ledger_.live(now()).size()});
}

// ------------------------------------------------------------------------------------------ what is heard

void ClusterShare::heard(const ShareReply& reply) {
  if (reply.epoch != call_.epoch) {
    const bool first = call_.epoch.empty();
    call_.epoch = reply.epoch;
    if (!first) {
      to_tell_ = ledger_.live(now());
      tell(ShareNotice::Kind::data_lost);
    }
  }
  call_.number = reply.number;
  call_.log_read = reply.log_read;
  call_.steps_read = reply.steps_read;
  call_.sending_read = reply.sending_read;
  for (const std::string& message : reply.steps) heard_message(message, Stream::steps);
  for (const std::string& message : reply.sending) heard_message(message, Stream::sending);
  for (const std::string& message : reply.log) heard_message(message, Stream::news);
}

void ClusterShare::heard_message(const std::string& sealed, Stream stream) {
  constexpr Duration kToldAgain = std::chrono::hours(1);
  const auto bytes = open_share(keys_, options_.prefix, sealed);
  auto message = bytes ? decode_share(*bytes) : std::nullopt;
  if (!message) {
    if (unreadable_told_ != Instant() && parts_.loop.now() < unreadable_told_ + kToldAgain) return;
    unreadable_told_ = parts_.loop.now();
    tell(ShareNotice::Kind::unreadable, "a message cannot be read: another relay has another cluster.key_file");
    return;
  }
  if (message->node == options_.node && message->began == began_) return;
  if (stream != Stream::steps) {
    if (is_new(*message, stream)) heard_news(*std::move(message));
    return;
  }
  for (const AccountStep& step : message->steps)
    if (ledger_.merge(step, now())) hooks_.on_step(step, message->node);
}

// Of the process that tells it, and neither repeated nor of a time long ago.  Redis may show the messages of one stream
// and keep those of another: each has an order of its own.
bool ClusterShare::is_new(const ShareMessage& message, Stream stream) {
  if (now() - message.sent > kNewsAgeMax || std::max(message.sent, message.began) > now() + StepLedger::kAheadMax)
    return false;
  LruMap<Sender>& senders = stream == Stream::news ? senders_ : sending_senders_;
  Sender* sender = senders.find(message.node);
  if (sender == nullptr) {
    senders.make_room(kSendersMax);
    sender = &senders.insert(message.node, {});
  }
  // One that was told, repeated, or of a process that has ended and was told after the next one began.
  if (message.began < sender->began || (message.began == sender->began && message.number <= sender->number))
    return false;
  *sender = {.began = message.began, .number = message.number};
  return true;
}

void ClusterShare::heard_news(ShareMessage message) {
  const WallMillis late = std::max<WallMillis>(0, now() - message.sent);
  for (auth::ShieldItem& item : message.news) item.age += std::chrono::milliseconds(late);
  if (!message.news.empty()) hooks_.merge_news(message.news);
  if (message.sent < began_ || late > kSendingAgeMax) return;
  for (const noticing::SendingNews& each : message.sending) hooks_.merge_sending(each);
}

}  // namespace sluice::policy
