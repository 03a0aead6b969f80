#include "engine/io/loop.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace sluice::io {
namespace {

constexpr std::size_t kCompletionsPerTurn = 256;
// Between two calls of the kernel within a turn; and tasks between two looks at the clock.
constexpr Duration kCallInterval = std::chrono::microseconds(50);
constexpr std::size_t kTasksBetweenLooks = 4;
// Nothing is due for longer than this: still wake up now and then, so that a lost wake-up heals.
constexpr Duration kWaitMax = std::chrono::seconds(10);

// user_data: kind (8 bits), generation (24), index (32); never a pointer.
Tag tag_of(OperationKind kind, OperationId id) {
  return (static_cast<Tag>(kind) << 56) | (static_cast<Tag>(id.generation) << 32) | id.index;
}

OperationKind kind_of(Tag tag) { return static_cast<OperationKind>(tag >> 56); }

OperationId id_of(Tag tag) {
  return {static_cast<std::uint32_t>(tag), static_cast<std::uint32_t>(tag >> 32) & 0xffffffU};
}

void ignore_completion(void* /*context*/, const Completion& /*completion*/) {}

}  // namespace

Abortable::Abortable(Loop& loop) : next_(loop.abortables_), previous_(&loop.abortables_) {
  if (next_ != nullptr) next_->previous_ = &next_;
  loop.abortables_ = this;
}

Abortable::~Abortable() {
  *previous_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

void Loop::abort_outgoing() {
  const ReadyQueue::Use use(ready_);
  for (Abortable* each = abortables_; each != nullptr; each = each->next_)
    if (!each->spared_) each->abort();
}

void Loop::abort_all() {
  const ReadyQueue::Use use(ready_);
  aborting_ = true;
  // Nothing is unlinked meanwhile: abort() only wakes the waiter, which ends in a later turn.
  for (Abortable* each = abortables_; each != nullptr; each = each->next_) each->abort();
}

Deferred::~Deferred() {
  if (previous_ == nullptr) return;
  *previous_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

void Loop::put_off(Deferred& work, Deferred*& list) {
  if (work.previous_ != nullptr) return;
  work.next_ = list;
  work.previous_ = &list;
  if (list != nullptr) list->previous_ = &work.next_;
  list = &work;
}

void Loop::run_all(Deferred*& list) {
  while (list != nullptr) {
    Deferred& work = *list;
    list = work.next_;
    if (list != nullptr) list->previous_ = &list;
    work.next_ = nullptr;
    work.previous_ = nullptr;
    work.run_(work.context_);
  }
}

std::size_t Loop::call_kernel(Duration wait, std::span<Completion> completions) {
  if (files_hurried_) platform_.ring.give_way();
  const std::size_t count = platform_.ring.wait(wait, completions);
  counters_.completions += count;
  return count;
}

// All that is ready has its turn before the loop waits again, as that costs least.  But what has completed meanwhile
// may be of a customer with little to do, whose tasks come before most of those that are ready, and what its tasks send
// or write need not wait for theirs: so the kernel is asked between them, and has the buffers back that were used.  No
// more completions are taken in a turn than fit into one call, so that it ends: what is still ready goes on in the
// next.
void Loop::run_ready(std::span<Completion> room) {
  Instant called = now_;
  while (!ready_.empty()) {
    ready_.run(kTasksBetweenLooks);
    if (ready_.empty() || room.empty()) return;
    const Instant now = platform_.clock.now();
    if (now - called < kCallInterval) continue;
    called = now;
    run_all(starts_);
    buffers_.give_back();
    const std::size_t count = call_kernel(Duration::zero(), room);
    for (const Completion& completion : room.first(count)) dispatch(completion);
    room = room.subspan(count);
  }
}

Loop::Loop(Platform platform, const LoopLimits& limits)
    : platform_(platform),
      now_(platform.clock.now()),
      timers_(now_),
      operations_(limits.operations_max),
      buffers_(platform.ring, limits.buffers, limits.buffer_bytes) {}

Loop::~Loop() { CHECK(operations_.live() == 0 && abortables_ == nullptr); }

void Loop::run(const std::function<bool()>& settled) {
  while (!(stopping() && settled() && operations_.live() == 0 && ready_.empty())) turn(kWaitMax);
}

Instant Loop::due() const {
  if (deferred_ != nullptr || starts_ != nullptr || !ready_.empty() || !inbox_.empty() || buffers_.can_resume())
    return now_;
  return timers_.next().value_or(Instant::max());
}

void Loop::turn(Duration wait_max) {
  const ReadyQueue::Use use(ready_);
  std::array<Completion, kCompletionsPerTurn> completions;
  run_all(deferred_);
  run_all(starts_);
  const Duration wait = std::min(wait_max, std::max(due(), now_) - now_);
  const std::size_t count = call_kernel(wait, completions);
  now_ = platform_.clock.now();
  ++counters_.turns;
  for (std::size_t i = 0; i < count; ++i) dispatch(completions[i]);
  inbox_.deliver();
  timers_.advance(now_);
  run_ready(std::span(completions).subspan(count));
  buffers_.give_back();
  buffers_.resume_starved();
}

// The ring outlives the loop, which may be gone as soon as the flag is set.
void Loop::stop() {
  Ring& ring = platform_.ring;
  stopping_.store(true, std::memory_order_release);
  ring.wake();
}

void Loop::post(std::function<void()> message) {
  Ring& ring = platform_.ring;
  if (inbox_.push(std::move(message))) ring.wake();
}

OperationId Loop::start(Operation::OnCompletion on_completion, void* context) {
  ++counters_.operations;
  return operations_.insert(on_completion, context);
}

void Loop::dispatch(const Completion& completion) {
  const OperationId id = id_of(completion.tag);
  Operation* operation = operations_.find(id);
  CHECK(operation != nullptr);  // records go only with their last completion
  const Operation copy = *operation;
  if (!completion.more) operations_.erase(id);
  if (completion.result == -ENOBUFS && kind_of(completion.tag) == OperationKind::receive) ++counters_.buffers_missing;
  copy.on_completion(copy.context, completion);
}

OperationId Loop::accept(int listener, Operation::OnCompletion on_completion, void* context) {
  const OperationId id = start(on_completion, context);
  platform_.ring.accept_multishot(tag_of(OperationKind::accept, id), listener);
  return id;
}

OperationId Loop::receive(int socket, bool poll_first, Operation::OnCompletion on_completion, void* context) {
  const OperationId id = start(on_completion, context);
  platform_.ring.receive(tag_of(OperationKind::receive, id), socket, /*multishot=*/true, poll_first);
  return id;
}

OperationId Loop::send(int socket, const msghdr* message, Operation::OnCompletion on_completion, void* context) {
  const OperationId id = start(on_completion, context);
  platform_.ring.send(tag_of(OperationKind::send, id), socket, message);
  return id;
}

OperationId Loop::send(int socket, std::string_view bytes, Operation::OnCompletion on_completion, void* context) {
  const OperationId id = start(on_completion, context);
  platform_.ring.send(tag_of(OperationKind::send, id), socket, bytes.data(), bytes.size());
  return id;
}

OperationId Loop::connect(int socket, const Address* address, Operation::OnCompletion on_completion, void* context) {
  const OperationId id = start(on_completion, context);
  platform_.ring.connect(tag_of(OperationKind::connect, id), socket, address);
  return id;
}

OperationId Loop::write_file(int file, std::string_view bytes, std::uint64_t offset, bool durable,
                             Operation::OnCompletion on_completion, void* context) {
  const OperationId id = start(on_completion, context);
  platform_.ring.write_file(tag_of(OperationKind::write_file, id), file, bytes.data(), bytes.size(), offset, durable);
  return id;
}

OperationId Loop::read_file(int file, std::span<std::byte> bytes, std::uint64_t offset,
                            Operation::OnCompletion on_completion, void* context) {
  const OperationId id = start(on_completion, context);
  platform_.ring.read_file(tag_of(OperationKind::read_file, id), file, bytes.data(), bytes.size(), offset);
  return id;
}

void Loop::close(int descriptor) {
  platform_.ring.close(tag_of(OperationKind::close, start(&ignore_completion, nullptr)), descriptor);
}

void Loop::cancel(OperationId id, OperationKind kind) {
  if (operations_.find(id) == nullptr) return;
  const OperationId own = start(&ignore_completion, nullptr);
  platform_.ring.cancel(tag_of(OperationKind::cancel, own), tag_of(kind, id));
}

}  // namespace sluice::io
