#include "tests/support/next_hop.h"

#include <algorithm>
#include <charconv>

#include "engine/smtp/ascii.h"

namespace sluice::testing {

using smtp::starts_with_ignore_case;

struct NextHop::Dialog {
  Dialog(std::unique_ptr<net::Connection> connection, std::uint64_t number_given)
      : peer(std::move(connection)), number(number_given) {}
  Peer peer;
  std::uint64_t number;
  bool greeted = false;
  std::optional<HopMessage> message;
  bool over = false;  // it hangs up once what it said is out
  unsigned messages = 0;
  std::string xclient;
};

namespace {

// RFC 5321 2.3.8, as naively as can be.
bool has_bare(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return true;
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return true;
  }
  return false;
}

std::string inside_brackets(const std::string& argument) {
  const std::size_t begin = argument.find('<');
  const std::size_t end = argument.find('>');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return "?";
  return argument.substr(begin + 1, end - begin - 1);
}

}  // namespace

NextHop::NextHop(io::Loop& loop, const io::Address& address) : loop_(loop) {
  const auto socket = loop.platform().sockets.listen(address, {});
  CHECK(socket.has_value());
  listener_ = std::make_unique<net::Listener>(loop, *socket, [this](int accepted_socket) {
    const io::Address from = loop_.platform().sockets.peer(accepted_socket);
    live_.emplace_front(std::make_unique<net::Connection>(loop_, accepted_socket, from), ++accepted);
    live_max = std::max(live_max, live_.size());
    tasks_.add(serve(live_.begin()));
  });
  listener_->start();
}

NextHop::~NextHop() { CHECK(stopped_); }

void NextHop::say_everywhere(std::string_view text) {
  misbehaved += live_.empty() ? 0 : 1;
  for (Dialog& dialog : live_) dialog.peer.say(text);
}

std::uint64_t NextHop::bytes_received() const {
  std::uint64_t bytes = 0;
  for (const Dialog& dialog : live_) bytes += const_cast<Dialog&>(dialog).peer.connection().counters().bytes_received;
  return bytes;
}

void NextHop::hang_up_everywhere() {
  loop_.post([this] {
    for (Dialog& dialog : live_) dialog.peer.connection().terminate();
  });
}

void NextHop::stop() {
  loop_.post([this] {
    if (std::exchange(stopping_, true)) return;
    for (Dialog& dialog : live_) dialog.peer.connection().terminate();
    ending_.add(end());
  });
}

Task<void> NextHop::end() {
  co_await listener_->close();
  for (Dialog& dialog : live_) dialog.peer.connection().terminate();
  co_await tasks_.join("dialogs to end");
  stopped_ = true;
}

Task<void> NextHop::serve(std::list<Dialog>::iterator dialog) {
  Peer& peer = dialog->peer;
  if (peer.more_is_here()) violation("spoke before the greeting");
  if (co_await answer(*dialog, HopStage::greeting, "220 hop.example ESMTP\r\n") == Said::usual) {
    std::string line;
    while (!dialog->over && co_await peer.line(line, rules.timeout) && co_await command(*dialog, std::move(line))) {
    }
  }
  co_await peer.connection().drained(0, std::chrono::seconds(20), "a scripted next hop's last reply");
  co_await peer.connection().close();
  live_.erase(dialog);
}

// False when the dialog is over.
Task<bool> NextHop::command(Dialog& dialog, std::string line) {
  commands.push_back(line);
  if (!rules.pipelining && dialog.peer.more_is_here() && !starts_with_ignore_case(line, "BDAT"))
    violation("pipelined behind: " + line);
  if (rules.mute_after_message && dialog.messages > 0) co_return true;
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string verb = line.substr(0, space);
  const std::string argument = space < line.size() ? line.substr(space + 1) : "";
  if (verb == "EHLO") co_return co_await hello(dialog, true);
  if (verb == "HELO") co_return co_await hello(dialog, false);
  if (verb == "QUIT") {
    static_cast<void>(co_await answer(dialog, HopStage::quit, "221 bye\r\n"));
    co_return false;
  }
  if (!dialog.greeted) violation("no EHLO before: " + line);
  if (verb == "AUTH") co_return co_await authenticate(dialog, argument);
  if (verb == "STARTTLS") co_return co_await answer(dialog, HopStage::starttls, "454 4.7.0 not now\r\n") != Said::gone;
  if (verb == "XCLIENT") co_return co_await xclient(dialog, argument);
  if (verb == "MAIL") co_return co_await mail(dialog, argument);
  if (verb == "RCPT") co_return co_await recipient(dialog, argument);
  if (verb == "DATA") co_return co_await data(dialog);
  if (verb == "BDAT") co_return co_await chunk(dialog, argument);
  if (verb == "RSET") {
    dialog.message.reset();
    co_return co_await answer(dialog, HopStage::rset, "250 forgotten\r\n") != Said::gone;
  }
  violation("unknown command: " + line.substr(0, 60));
  dialog.peer.say("500 what?\r\n");
  co_return true;
}

Task<bool> NextHop::hello(Dialog& dialog, bool extended) {
  if (rules.hello_once && dialog.greeted) {
    say(dialog, "503 5.5.1 Duplicate HELO/EHLO\r\n");
    co_return true;
  }
  dialog.greeted = true;
  dialog.message.reset();
  if (!extended) co_return co_await answer(dialog, HopStage::helo, "250 hop.example\r\n") != Said::gone;
  std::string text = "250-hop.example\r\n";
  if (rules.pipelining) text += "250-PIPELINING\r\n";
  if (rules.chunking) text += "250-CHUNKING\r\n";
  if (rules.eight_bit_mime) text += "250-8BITMIME\r\n";
  if (rules.smtputf8) text += "250-SMTPUTF8\r\n";
  if (rules.dsn) text += "250-DSN\r\n";
  if (rules.starttls) text += "250-STARTTLS\r\n";
  if (!rules.auth.empty()) text += "250-AUTH " + rules.auth + "\r\n";
  if (!rules.xclient.empty()) text += "250-XCLIENT " + rules.xclient + "\r\n";
  if (rules.recipients_max != 0) text += "250-LIMITS RCPTMAX=" + std::to_string(rules.recipients_max) + "\r\n";
  text += "250 SIZE " + std::to_string(rules.size_max) + "\r\n";
  co_return co_await answer(dialog, HopStage::ehlo, text) != Said::gone;
}

Task<bool> NextHop::authenticate(Dialog& dialog, const std::string& argument) {
  std::string response = argument.substr(std::min(argument.find(' ') + 1, argument.size()));
  if (argument == "LOGIN") {
    for (const char* prompt : {"334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"}) {
      dialog.peer.say(prompt);
      if (!co_await dialog.peer.line(response, rules.timeout)) co_return false;
    }
  }
  const bool right = rules.password.empty() || response == rules.password;
  const std::string_view usual = right ? "235 2.7.0 welcome\r\n" : "535 5.7.8 no\r\n";
  co_return co_await answer(dialog, HopStage::auth, usual) != Said::gone;
}

// What XCLIENT said stays until another one; the dialog begins again.
Task<bool> NextHop::xclient(Dialog& dialog, const std::string& argument) {
  if (dialog.message) violation("XCLIENT in a transaction");
  const Said said = co_await answer(dialog, HopStage::xclient, "220 hop.example ESMTP\r\n");
  if (said == Said::usual) {
    dialog.xclient = argument;
    dialog.greeted = false;
  }
  co_return said != Said::gone;
}

Task<bool> NextHop::mail(Dialog& dialog, const std::string& argument) {
  if (dialog.message) violation("nested MAIL");
  const std::string from = inside_brackets(argument);
  const Said said = co_await answer(dialog, HopStage::mail, "250 2.1.0 sender ok\r\n", from);
  if (said == Said::usual) {
    dialog.message.emplace();
    dialog.message->reverse_path = from;
    dialog.message->mail_parameters = argument.substr(argument.find('>') + 1);
    dialog.message->connection = dialog.number;
    dialog.message->xclient = dialog.xclient;
  }
  co_return said != Said::gone;
}

Task<bool> NextHop::recipient(Dialog& dialog, const std::string& argument) {
  if (!dialog.message) {
    dialog.peer.say("503 5.5.1 MAIL first\r\n");
    co_return true;
  }
  const std::string to = inside_brackets(argument);
  if (rules.recipients_max != 0 && dialog.message->recipients.size() >= rules.recipients_max) {
    violation("more recipients than LIMITS allows");
    dialog.peer.say("452 4.5.3 too many\r\n");
    co_return true;
  }
  const Said said = co_await answer(dialog, HopStage::recipient, "250 2.1.5 recipient ok\r\n", to);
  if (said == Said::usual && dialog.message) dialog.message->recipients.push_back(to);
  co_return said != Said::gone;
}

// ------------------------------------------------------------------------------------------ content

Task<bool> NextHop::data(Dialog& dialog) {
  if (!dialog.message || dialog.message->recipients.empty()) co_return co_await data_unasked(dialog);
  const Said said = co_await answer(dialog, HopStage::data, "354 go ahead\r\n");
  if (said == Said::otherwise) dialog.message.reset();
  if (said != Said::usual || dialog.over) co_return said != Said::gone;
  co_return co_await read_content(dialog) && co_await message(dialog);
}

// RFC 2920 3.1: that is no fault of a client that pipelines.
Task<bool> NextHop::data_unasked(Dialog& dialog) {
  if (!rules.pipelining) violation("DATA without a recipient");
  if (!rules.asks_for_nothing) {
    dialog.peer.say("503 5.5.1 RCPT first\r\n");
    co_return true;
  }
  dialog.peer.say("354 go ahead\r\n");
  std::string line;
  if (!co_await dialog.peer.line(line, rules.timeout)) co_return false;
  if (line != ".") violation("content without a recipient: " + line);
  dialog.message.reset();
  dialog.peer.say("554 5.5.1 no valid recipients\r\n");
  co_return true;
}

Task<bool> NextHop::read_content(Dialog& dialog) {
  HopMessage& message = *dialog.message;
  std::string line;
  while (co_await dialog.peer.line(line, rules.timeout)) {
    if (line == ".") co_return true;
    if (line.starts_with('.')) line.erase(0, 1);
    if (has_bare(line)) violation("bare CR or LF in DATA");
    message.content.append(line).append("\r\n");
    content_read += line.size() + 2;
    if (rules.between_reads > Duration::zero() && !co_await dialog.peer.pause(rules.between_reads)) co_return false;
    if (!co_await misbehave_in_body(dialog, message.content.size())) co_return false;
  }
  broken_off.emplace_back(dialog.peer.unread());
  co_return false;
}

Task<bool> NextHop::misbehave_in_body(Dialog& dialog, std::size_t bytes) {
  for (Counted& each : faults_) {
    if (each.fault.stage != HopStage::body || bytes <= each.fault.bytes) continue;
    const auto before = each.seen++;
    if (before < each.fault.after || before >= each.fault.after + each.fault.count) continue;
    const HopFault fault = each.fault;
    if (co_await misbehave(dialog, fault, "") == Said::gone) co_return false;
  }
  co_return true;
}

Task<bool> NextHop::chunk(Dialog& dialog, const std::string& argument) {
  std::uint64_t size = 0;
  const char* const end = argument.data() + argument.size();
  const auto parsed = std::from_chars(argument.data(), end, size);
  const std::string_view rest(parsed.ptr, end);
  if (parsed.ec != std::errc() || !(rest.empty() || rest == " LAST")) violation("BDAT " + argument);
  const bool unasked = !dialog.message || dialog.message->recipients.empty();
  if (unasked && !rules.pipelining) violation("BDAT without a recipient");
  std::string content;
  while (content.size() < size) {
    if (!co_await dialog.peer.bytes(size - content.size(), content, rules.timeout)) {
      broken_off.push_back(content);
      co_return false;
    }
    if (rules.between_reads > Duration::zero() && !co_await dialog.peer.pause(rules.between_reads)) co_return false;
    if (!co_await misbehave_in_body(dialog, content.size())) co_return false;
  }
  content_read += size;
  if (unasked) {
    say(dialog, "503 5.5.1 RCPT first\r\n");
    co_return true;
  }
  dialog.message->chunked = true;
  dialog.message->content += content;
  if (rest == " LAST") {
    if (has_bare(dialog.message->content)) violation("bare CR or LF in BDAT");
    co_return co_await message(dialog);
  }
  const Said said = co_await answer(dialog, HopStage::chunk, "250 2.0.0 chunk ok\r\n");
  if (said == Said::otherwise) dialog.message.reset();
  co_return said != Said::gone;
}

// It is in the ledger before the reply is out: a reply that is lost only makes a duplicate.
Task<bool> NextHop::message(Dialog& dialog) {
  ledger.push_back(*std::exchange(dialog.message, std::nullopt));
  const std::size_t entry = ledger.size() - 1;
  const HopFault* const refusal = fault(HopStage::verdict, {});
  ledger[entry].taken = refusal == nullptr;
  if (refusal != nullptr) {
    const HopFault verdict = *refusal;
    if (verdict.stall > Duration::zero() && !co_await dialog.peer.pause(verdict.stall)) co_return false;
    const bool stays = verdict.say.empty() || co_await answer(dialog, HopStage::message, verdict.say) != Said::gone;
    co_return stays && !verdict.hang_up;
  }
  const Said said = co_await answer(dialog, HopStage::message, "250 2.0.0 taken\r\n");
  ledger[entry].answered = said == Said::usual;
  if (said == Said::otherwise) ledger[entry].taken = false;
  ++dialog.messages;
  if (rules.messages_max != 0 && dialog.messages >= rules.messages_max) co_return false;
  co_return said != Said::gone;
}

// ------------------------------------------------------------------------------------------ faults

const HopFault* NextHop::fault(HopStage stage, std::string_view about) {
  for (Counted& each : faults_) {
    if (each.fault.stage != stage || !about.contains(each.fault.only_for)) continue;
    const unsigned number = each.seen++;
    if (number >= each.fault.after && number - each.fault.after < each.fault.count) return &each.fault;
  }
  return nullptr;
}

Task<NextHop::Said> NextHop::answer(Dialog& dialog, HopStage stage, std::string_view usual, std::string_view about) {
  if (const HopFault* found = fault(stage, about)) {
    const HopFault copy = *found;  // faults_ may change meanwhile
    co_return co_await misbehave(dialog, copy, usual);
  }
  say(dialog, usual);
  co_return Said::usual;
}

void NextHop::say(Dialog& dialog, std::string_view text) {
  std::string plain(text);
  if (!rules.enhanced_codes && plain.size() > 10 && plain[5] == '.' && plain[7] == '.') plain.erase(4, 6);
  dialog.peer.say(plain);
}

Task<bool> NextHop::say_in_parts(Dialog& dialog, std::string_view reply, std::size_t split) {
  const std::string text(reply);
  if (split == 0 || split >= text.size()) {
    say(dialog, text);
    co_return true;
  }
  dialog.peer.say(std::string_view(text).substr(0, split));
  if (!co_await dialog.peer.pause(std::chrono::milliseconds(7))) co_return false;
  dialog.peer.say(std::string_view(text).substr(split));
  co_return true;
}

Task<void> NextHop::say_later(std::uint64_t dialog, std::string text, Duration after) {
  co_await loop_.sleep(after, "a late reply");
  for (Dialog& each : live_)
    if (each.number == dialog) each.peer.say(text);
}

Task<NextHop::Said> NextHop::misbehave(Dialog& dialog, const HopFault& fault, std::string_view usual) {
  ++misbehaved;
  if (fault.too_early) dialog.peer.say(fault.say_too);
  if (fault.stall > Duration::zero() && !co_await dialog.peer.pause(fault.stall)) co_return Said::gone;
  while (fault.endless && dialog.peer.open()) {
    dialog.peer.say("250-and another thing\r\n");
    if (co_await dialog.peer.connection().drained(4096, std::chrono::minutes(10), "an endless reply") !=
        net::IoStatus::ok)
      co_return Said::gone;
    if (!co_await dialog.peer.pause(std::chrono::milliseconds(1))) co_return Said::gone;
  }
  if (fault.say.empty() && fault.hang_up) co_return Said::gone;
  if (!fault.silent &&
      !co_await say_in_parts(dialog, fault.say.empty() ? usual : std::string_view(fault.say), fault.split))
    co_return Said::gone;
  if (fault.too_late > Duration::zero()) {
    tasks_.add(say_later(dialog.number, fault.say_too, fault.too_late));
  } else if (!fault.too_early) {
    dialog.peer.say(fault.say_too);
  }
  dialog.over = fault.hang_up;
  const bool as_usual = fault.say.empty() || usual.empty() || fault.say.front() == usual.front();
  co_return as_usual ? Said::usual : Said::otherwise;
}

}  // namespace sluice::testing
