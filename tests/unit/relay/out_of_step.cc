#include "tests/unit/relay/out_of_step.h"

namespace sluice::relay {
namespace {

using message::BodyForm;

// ------------------------------------------------------------------------------------------ what goes wrong

const char* const kSurplus[] = {"250 ok\r\n",
                                "250 2.0.0 Ok: queued as 4711\r\n",
                                "250 2.1.5 Ok\r\n",
                                "250-hop.example\r\n250 fine\r\n",
                                "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n",
                                "451 4.3.0 later\r\n",
                                "550 5.7.1 no\r\n",
                                "354 go ahead\r\n",
                                "220 hop.example\r\n",
                                "421 4.4.2 bye\r\n",
                                "25",
                                "what?\r\n"};
// Most of the time one that passes for something else.
std::string surplus(sim::SimRandom& random) {
  return kSurplus[random.percent(75) ? random.below(3) : random.below(std::size(kSurplus))];
}

Duration lateness(sim::SimRandom& random) {
  constexpr Duration kSome[] = {4ms, 50ms};
  return random.percent(60) ? kSome[random.below(2)] : Duration(random.between(1ms, 300ms));
}

constexpr HopStage kStagesOfRounds[] = {HopStage::greeting, HopStage::ehlo,      HopStage::ehlo,
                                        HopStage::mail,     HopStage::recipient, HopStage::data,
                                        HopStage::chunk,    HopStage::message,   HopStage::message};

HopFault say_too_much(sim::SimRandom& random) {
  HopFault fault{.stage = kStagesOfRounds[random.below(std::size(kStagesOfRounds))],
                 .after = static_cast<unsigned>(random.below(4))};
  if (random.percent(15)) {
    fault.stage = HopStage::body;
    fault.bytes = random.below(200'000);
    fault.say = surplus(random);
    return fault;
  }
  fault.say_too = surplus(random);
  if (random.percent(20)) {
    fault.too_early = true;
    if (random.percent(50)) fault.stall = lateness(random);
  } else if (random.percent(70)) {
    fault.too_late = lateness(random);
  }
  return fault;
}

// Nobody can tell a positive reply that is said in place of the content's own from that: `both` leaves no such one out.
HopFault say_too_little(sim::SimRandom& random, Excess excess) {
  HopFault fault{.stage = kStagesOfRounds[random.below(std::size(kStagesOfRounds))],
                 .after = static_cast<unsigned>(random.below(4))};
  const bool of_content = fault.stage == HopStage::message || fault.stage == HopStage::chunk;
  if (random.percent(50) && !(of_content && excess == Excess::both)) {
    fault.silent = true;
  } else {
    fault.hang_up = true;
  }
  return fault;
}

// At once, or as slowly as a filter may be; by words, or by leaving.
HopFault refusal(sim::SimRandom& random, unsigned message) {
  HopFault verdict{.stage = HopStage::verdict, .after = message, .say = "550 5.7.1 spam\r\n"};
  const std::uint64_t kind = random.below(20);
  if (kind < 6) verdict.say = "451 4.7.1 later\r\n";
  if (kind == 6) verdict.say = "550 5.7.1 spam\r\n221 2.0.0 closing\r\n";
  if (kind == 7) verdict.say = "421 4.3.2 bye\r\n";
  if (kind == 8) verdict.say.clear();
  verdict.hang_up = kind >= 6 && kind <= 8;
  if (kind >= 7 && kind <= 10)
    verdict.stall = random.percent(50) ? lateness(random) : Duration(random.between(20s, 50s));
  return verdict;
}

// What any next hop may do: refuse, take its time, and send its replies in pieces.
void be_a_next_hop(testing::NextHop& hop, sim::SimRandom& random) {
  for (unsigned message = 0; message < 6; ++message) {
    if (random.percent(45)) hop.add(refusal(random, message));
    if (random.percent(10))
      hop.add({.stage = HopStage::recipient, .after = message, .say = "550 5.1.1 no such user\r\n"});
    if (random.percent(60)) hop.add({.stage = HopStage::message, .after = message, .stall = lateness(random)});
    if (random.percent(10)) hop.add({.stage = HopStage::message, .after = message, .split = 1 + random.below(20)});
  }
}

// ------------------------------------------------------------------------------------------ a client that is wrong

Task<bool> next_positive(hop::NextHop& hop, bool& alive) {
  auto answered = co_await hop.reply(10s, "a reply");
  alive = answered.has_value();
  co_return alive&& hop.last_reply().positive();
}

// One transaction, each reply for the next command and the last one for the message.
Task<void> send_naively(hop::Pool& pool, const message::Envelope& envelope, std::string_view text,
                        std::vector<Kind>& believed) {
  believed.assign(envelope.recipients.size(), Kind::deferred);
  auto acquired = co_await pool.acquire({});
  if (!acquired) co_return;
  std::unique_ptr<hop::NextHop> hop = *std::move(acquired);
  smtp::ClientMachine& machine = hop->machine();
  const bool chunking = hop->capabilities().chunking;
  const bool all_at_once = hop->capabilities().pipelining && chunking;
  std::vector<std::string> commands(1);
  machine.append_mail(envelope.reverse_path, {}, commands[0]);
  for (const message::Recipient& each : envelope.recipients)
    machine.append_recipient(each.forward_path, {}, commands.emplace_back());
  bool alive = true;
  std::size_t said = 0;
  if (!chunking) machine.append_data(commands.emplace_back());
  if (chunking) machine.append_bdat(text.size(), true, commands.emplace_back());
  if (chunking) commands.back().append(text);
  for (std::size_t i = 0; i < commands.size() && alive; ++i) {
    while (said < commands.size() && (said <= i || all_at_once)) hop->send(commands[said++]);
    if (i + 1 == commands.size() && chunking) break;
    const bool positive = co_await next_positive(*hop, alive);
    if (i > 0 && i <= believed.size() && positive) believed[i - 1] = Kind::accepted;
  }
  if (alive && !chunking && hop->last_reply().code == 354) {
    hop->send(std::string(text) + ".\r\n");
    machine.content_ended();
  }
  const bool taken = alive && machine.outstanding() > 0 && co_await next_positive(*hop, alive);
  for (Kind& each : believed) each = taken && each == Kind::accepted ? Kind::taken : Kind::deferred;
  if (!alive) hop->give_up();
  hop->transaction_open = !taken;
  pool.release(std::move(hop));
}

// ------------------------------------------------------------------------------------------ one message

class Player {
 public:
  Player(Fixture& fixture, sim::SimRandom& random, const OutOfStepOptions& options)
      : fixture_(fixture), random_(random), options_(options) {}

  void send(std::size_t number, Findings& findings) {
    std::string text = "From: <ann@example.com>\r\nX: " + std::to_string(number) + "\r\n\r\n";
    const std::size_t size = text.size() + (options_.large ? random_.between(70'000, 300'000) : random_.below(2'000));
    while (text.size() < size) text += std::string(1 + random_.below(900), 'x') + "\r\n";
    recipients_ = {std::to_string(number) + "a@example.net"};
    if (random_.percent(40)) recipients_.push_back(std::to_string(number) + "b@example.net");
    switch (options_.sender) {
      case Sender::late:
      case Sender::eager:
        pass(text);
        break;
      case Sender::queue:
        transmit(text);
        break;
      case Sender::naive:
        send_naively(text);
        break;
    }
    compare_with_ledger(fixture_, envelope_, text, believed_, fixture_.hop().misbehaved == 0, findings);
  }

 private:
  std::size_t piece() { return options_.large ? random_.between(5'000, 60'000) : SIZE_MAX; }

  void pass(const std::string& text) {
    Memory memory;
    Passing message(fixture_, &memory);
    message.offer(recipients_);
    envelope_ = message.envelope;
    believed_.assign(recipients_.size(), Kind::refused);
    if (std::ranges::none_of(message.answers, [](const smtp::Reply& each) { return each.positive(); })) {
      message.abandon();
      return;
    }
    const std::vector<smtp::Reply> promised = message.answers;
    message.begin(BodyForm::dot_stuffed);
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t size = std::min(piece(), rest.size());
      message.feed(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    const int code = message.finish().reply.code();
    if (code != 250) return;
    for (std::size_t i = 0; i < recipients_.size(); ++i) {
      if (!promised[i].positive()) continue;
      believed_[i] = Kind::taken;
      if (memory.kept.empty()) continue;
      const message::Fate fate = memory.kept[0].status.recipients[i].fate;
      if (fate == message::Fate::waiting) believed_[i] = Kind::deferred;
      if (fate == message::Fate::failed) believed_[i] = Kind::refused;
    }
  }

  void transmit(const std::string& text) {
    Sending message(fixture_, recipients_);
    message.content_bytes = text.size();
    believed_ = message.send(text, BodyForm::literal, piece());
    envelope_ = message.envelope;
  }

  void send_naively(const std::string& text) {
    envelope_ = message::Envelope();
    envelope_.reverse_path = "ann@example.com";
    for (const std::string& each : recipients_) envelope_.recipients.push_back({.forward_path = each});
    testing::await_done(fixture_.platforms, fixture_.loop,
                        [&] { return relay::send_naively(fixture_.pool(), envelope_, text, believed_); });
  }

  Fixture& fixture_;
  sim::SimRandom& random_;
  const OutOfStepOptions& options_;
  std::vector<std::string> recipients_;
  message::Envelope envelope_;
  std::vector<Kind> believed_;
};

}  // namespace

void Findings::add(const Findings& other) {
  taken += other.taken;
  kept += other.kept;
  refused += other.refused;
  doubled += other.doubled;
  lost.insert(lost.end(), other.lost.begin(), other.lost.end());
  unexplained.insert(unexplained.end(), other.unexplained.begin(), other.unexplained.end());
}

void compare_with_ledger(const Fixture& fixture, const message::Envelope& envelope, std::string_view text,
                         const std::vector<Kind>& believed, bool blameless, Findings& findings) {
  for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
    const std::string& to = envelope.recipients[i].forward_path;
    std::size_t copies = 0;
    for (const auto& hop : fixture.hops)
      for (const testing::HopMessage& each : hop->ledger)
        if (each.taken && each.content == text && std::ranges::find(each.recipients, to) != each.recipients.end())
          ++copies;
    const bool taken = believed[i] == Kind::taken;
    findings.taken += taken ? 1 : 0;
    findings.refused += believed[i] == Kind::refused ? 1 : 0;
    findings.kept += !taken && believed[i] != Kind::refused ? 1 : 0;
    findings.doubled += copies > (taken ? 1 : 0) ? 1 : 0;
    if (taken && copies == 0) findings.lost.push_back(to);
    if (blameless && copies != (taken ? 1 : 0)) findings.unexplained.push_back(to);
  }
}

Findings play_out_of_step(std::uint64_t seed, const OutOfStepOptions& options) {
  sim::SimRandom random(seed);
  const bool varied = random.percent(50);
  Fixture fixture(seed, varied && !options.large ? sim::SimOptions::varied(seed) : sim::SimOptions());
  set_manner(fixture, options.manner);
  fixture.route.dialog = options.sender == Sender::eager ? route::RouteDialog::eager : route::RouteDialog::late;
  fixture.route.command_timeout = fixture.route.data_timeout = fixture.route.final_timeout = 1min;
  testing::NextHop& hop = fixture.hop();
  hop.rules.enhanced_codes = random.percent(60);
  hop.rules.hello_once = random.percent(10);
  hop.rules.asks_for_nothing = random.percent(30);
  if (random.percent(85))
    for (std::uint64_t i = random.between(1, 3); i > 0; --i) {
      const bool much = options.excess == Excess::both ? random.percent(50) : options.excess == Excess::much;
      hop.add(much ? say_too_much(random) : say_too_little(random, options.excess));
    }
  be_a_next_hop(hop, random);
  if (options.excess != Excess::little && random.percent(20))
    fixture.platforms.world().after(random.between(1ms, 400ms),
                                    [&hop, words = surplus(random)] { hop.say_everywhere(words); });
  Findings findings;
  Player player(fixture, random, options);
  constexpr Duration kGaps[] = {0ms, 1ms, 40ms, 3s};
  for (std::size_t i = 0; i < 5; ++i) {
    player.send(i, findings);
    if (const Duration gap = kGaps[random.below(std::size(kGaps))]; gap > Duration::zero()) fixture.run_for(gap);
  }
  hop.violations.clear();  // a dialog that is out of step looks odd from the other side, too
  return findings;
}

}  // namespace sluice::relay
