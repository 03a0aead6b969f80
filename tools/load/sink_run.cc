#include "tools/load/sink_run.h"

#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "engine/io/files.h"
#include "engine/io/process.h"
#include "engine/text/json_text.h"
#include "engine/tls/certificates.h"
#include "engine/tls/tickets.h"
#include "tools/load/ledger_service.h"
#include "tools/load/numbers.h"
#include "tools/load/own_loop.h"
#include "tools/load/stamp.h"

namespace sluice::load {
namespace {

constexpr std::size_t kPemBytesMax = 1024 * 1024;

std::expected<int, std::string> bind_to(io::Sockets& sockets, const std::string& text, bool reuse_port) {
  const auto address = io::Address::parse(text);
  if (!address) return std::unexpected(text + " is not an address and a port");
  const auto socket = sockets.listen(*address, {.reuse_port = reuse_port});
  if (!socket) return std::unexpected("listen on " + text + ": " + std::strerror(socket.error()));
  return *socket;
}

// One pair for every name; or none, so that the store makes one itself.
class OnePair final : public tls::CertificateSource {
 public:
  OnePair(std::string host, std::optional<tls::CertificateFiles> files)
      : host_(std::move(host)), files_(std::move(files)) {}
  std::expected<tls::CertificateFiles, std::string> read(std::string_view host, std::size_t /*pair*/) override {
    if (!files_ || host != host_) return std::unexpected("there is no certificate for this name");
    return *files_;
  }
  std::expected<std::string, std::string> read_policy_url(std::string_view /*host*/) override {
    return std::unexpected("a sink has no policy page");
  }
  std::optional<tls::HostStamp> stamp(std::string_view host) override {
    if (!files_ || host != host_) return std::nullopt;
    return tls::HostStamp{.pairs = {tls::CertificateStamp{}}, .policy_url = std::nullopt};
  }

 private:
  std::string host_;
  std::optional<tls::CertificateFiles> files_;
};

std::expected<std::optional<tls::CertificateFiles>, std::string> read_pair(const SinkCommand& command) {
  if (command.certificate_file.empty()) return std::nullopt;
  auto chain = io::read_file(command.certificate_file, kPemBytesMax);
  if (!chain) return std::unexpected(chain.error());
  auto key = io::read_file(command.key_file, kPemBytesMax);
  if (!key) return std::unexpected(key.error());
  return tls::CertificateFiles{.chain_pem = *std::move(chain),
                               .key_pem = *std::move(key),
                               .chain_name = command.certificate_file,
                               .key_name = command.key_file};
}

// All threads of a sink.
class SinkRun {
 public:
  SinkRun(const SinkCommand& command, std::optional<tls::CertificateFiles> pair)
      : command_(command),
        boot_(boot_number(io::boot_id())),
        source_(command.options.hostname, std::move(pair)),
        certificates_(source_, {.default_host = "", .own_name = command.options.hostname}, *clock_,
                      [](std::string_view, std::string_view) {}),
        secret_(tls::make_ticket_secret(*io::make_real_random())) {}

  std::expected<SinkState, std::string> run();

 private:
  struct Thread {
    std::promise<std::expected<void, std::string>> ready;
    std::promise<void> idle;  // nothing runs on its loop any more
    // The thread's own, from `ready` until `leave_`.
    io::Loop* loop = nullptr;
    Sink* sink = nullptr;
    LedgerService* ledger = nullptr;
    TaskSet* tasks = nullptr;
    std::thread thread;
  };
  std::expected<void, std::string> start();
  std::expected<void, std::string> listen();
  void run_thread(Thread& thread);
  std::string ledger_text(std::uint64_t run);
  SinkState state();
  static Task<void> close(Thread& thread, bool serves_ledger);

  const SinkCommand& command_;
  std::uint32_t boot_;
  std::unique_ptr<io::Clock> clock_ = io::make_real_clock();
  OnePair source_;
  tls::CertificateStore certificates_;
  tls::TicketSecret secret_;
  SharedPlatform shared_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::promise<void> leave_;  // what the threads have seen is taken
  std::shared_future<void> left_ = leave_.get_future().share();
};

// Tasks are posted to its loop by the main thread, which also stops it.
void SinkRun::run_thread(Thread& thread) {
  auto made = OwnLoop::make(shared_);
  if (!made) return thread.ready.set_value(std::unexpected(made.error()));
  {
    io::Loop& loop = (*made)->loop();
    tls::TicketKeys tickets(secret_, loop.platform().clock, loop.platform().random);
    tls::TlsContext tls({.listener = "sink", .min_version = TlsVersion::tls_1_2}, certificates_, tickets);
    Sink sink(loop, command_.options, &tls, boot_);
    LedgerService ledger(loop, [this](std::uint64_t run) { return ledger_text(run); });
    TaskSet tasks;
    thread.loop = &loop;
    thread.sink = &sink;
    thread.ledger = &ledger;
    thread.tasks = &tasks;
    thread.ready.set_value({});
    loop.run([&tasks] { return tasks.live() == 0; });
    thread.idle.set_value();
    left_.wait();
  }
}

std::expected<void, std::string> SinkRun::start() {
  for (std::uint32_t i = 0; i < command_.threads; ++i) threads_.push_back(std::make_unique<Thread>());
  for (const auto& thread : threads_) thread->thread = std::thread([this, one = thread.get()] { run_thread(*one); });
  std::expected<void, std::string> all;
  for (const auto& thread : threads_)
    if (auto ready = thread->ready.get_future().get(); !ready) all = ready;
  return all;
}

// All of them, or none.
std::expected<void, std::string> SinkRun::listen() {
  std::vector<int> sockets;
  std::expected<void, std::string> result;
  for (std::size_t i = 0; i <= threads_.size() && result; ++i) {
    const bool ledger = i == threads_.size();
    if (ledger && command_.ledger.empty()) break;
    const auto socket =
        bind_to(*shared_.sockets, ledger ? command_.ledger : command_.listen, /*reuse_port=*/threads_.size() > 1);
    if (socket) {
      sockets.push_back(*socket);
    } else {
      result = std::unexpected(socket.error());
    }
  }
  if (!result) {
    for (const int socket : sockets) shared_.sockets->close(socket);
    return result;
  }
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    Thread* thread = threads_[i % threads_.size()].get();
    if (i < threads_.size()) {
      thread->loop->post([thread, socket = sockets[i]] { thread->sink->listen(socket); });
    } else {
      thread->loop->post([thread, socket = sockets[i]] { thread->ledger->listen(socket); });
    }
  }
  return {};
}

std::string SinkRun::ledger_text(std::uint64_t run) {
  RunLedger all;
  const SinkState state = this->state();
  const auto found = state.ledger.runs().find(run);
  return found == state.ledger.runs().end() ? all.text() : found->second.text();
}

SinkState SinkRun::state() {
  SinkState state;
  for (const auto& thread : threads_) thread->sink->collect(state);
  return state;
}

Task<void> SinkRun::close(Thread& thread, bool serves_ledger) {
  co_await thread.sink->close();
  if (serves_ledger) co_await thread.ledger->close();
}

std::expected<SinkState, std::string> SinkRun::run() {
  std::expected<void, std::string> started = start();
  if (started) started = listen();
  if (started) {
    while (io::wait_signal(-1, kLongestWait) != io::Signal::stop) continue;
    for (const auto& thread : threads_) {
      const bool serves_ledger = !command_.ledger.empty() && thread == threads_.front();
      thread->loop->post([one = thread.get(), serves_ledger] { one->tasks->add(close(*one, serves_ledger)); });
    }
  }
  for (const auto& thread : threads_) {
    if (thread->loop == nullptr) continue;
    thread->loop->stop();
    thread->idle.get_future().wait();
  }
  SinkState result;
  if (started) result = state();
  leave_.set_value();
  for (const auto& thread : threads_) thread->thread.join();
  if (!started) return std::unexpected(started.error());
  return result;
}

}  // namespace

std::expected<SinkState, std::string> run_sink(const SinkCommand& command) {
  auto pair = read_pair(command);
  if (!pair) return std::unexpected(pair.error());
  io::raise_file_limit();
  return SinkRun(command, *std::move(pair)).run();
}

std::string sink_results_text(const SinkState& state) {
  const SinkCounters& counters = state.counters;
  std::string out = absl::StrFormat("%d connections, %d messages, %d bytes, %d logins\n", counters.connections,
                                    counters.messages, counters.bytes, counters.logins);
  absl::StrAppendFormat(&out, "TLS: %d handshakes in full, %d resumed, %d failed\n", counters.tls_full,
                        counters.tls_resumed, counters.tls_failed);
  absl::StrAppendFormat(&out, "on demand: %d refusals, %d resets\n", counters.refusals, counters.resets);
  absl::StrAppendFormat(&out, "messages that are of no run: %d\n", state.ledger.foreign_messages());
  for (const auto& [number, run] : state.ledger.runs()) {
    absl::StrAppendFormat(&out, "run %s: %d copies received, %d doubled, %d changed, %d gaps", run_digits(number),
                          run.distinct(), run.doubled(), run.changed().count(), run.gaps());
    absl::StrAppendFormat(&out, "; refused: %d for good, %d for now; %d strays\n", run.refused_for_good().count(),
                          run.refused_for_now().count(), run.strays());
  }
  return out;
}

std::string sink_results_json(const SinkState& state) {
  const SinkCounters& counters = state.counters;
  std::string out = absl::StrFormat("{\"connections\":%d,\"messages\":%d,\"bytes\":%d,\"logins\":%d",
                                    counters.connections, counters.messages, counters.bytes, counters.logins);
  absl::StrAppendFormat(&out, ",\"tls_full\":%d,\"tls_resumed\":%d,\"tls_failed\":%d", counters.tls_full,
                        counters.tls_resumed, counters.tls_failed);
  absl::StrAppendFormat(&out, ",\"refusals\":%d,\"resets\":%d,\"foreign\":%d,\"refused_unnumbered\":%d,\"runs\":[",
                        counters.refusals, counters.resets, state.ledger.foreign_messages(),
                        state.ledger.refused_unnumbered());
  bool first = true;
  for (const auto& [number, run] : state.ledger.runs()) {
    if (!std::exchange(first, false)) out.push_back(',');
    absl::StrAppendFormat(&out, "{\"run\":%s,\"received\":%d,\"doubled\":%d,\"changed\":%d,\"gaps\":%d",
                          text::json_string(run_digits(number)), run.distinct(), run.doubled(), run.changed().count(),
                          run.gaps());
    absl::StrAppendFormat(&out, ",\"refused\":%d,\"deferred\":%d,\"strays\":%d}", run.refused_for_good().count(),
                          run.refused_for_now().count(), run.strays());
  }
  return out.append("]}\n");
}

}  // namespace sluice::load
