#include "engine/base/task.h"

#include <new>

namespace sluice {

constinit thread_local CustomerShare running_share = kOwnShare;

namespace {

thread_local ReadyQueue* newest_queue = nullptr;
thread_local ReadyQueue* used_queue = nullptr;  // null: the newest
thread_local std::int64_t frames_live = 0;

}  // namespace

ReadyQueue::ReadyQueue() : outer_(std::exchange(newest_queue, this)) {}

ReadyQueue::~ReadyQueue() {
  CHECK(empty() && buried_ == nullptr);
  CHECK(used_queue != this);
  ReadyQueue** link = &newest_queue;
  while (*link != nullptr && *link != this) link = &(*link)->outer_;
  CHECK(*link == this);  // made on this thread
  *link = outer_;
}

ReadyQueue& ReadyQueue::current() {
  ReadyQueue* queue = used_queue != nullptr ? used_queue : newest_queue;
  CHECK(queue != nullptr);
  return *queue;
}

ReadyQueue::Use::Use(ReadyQueue& queue) : before_(std::exchange(used_queue, &queue)) {}

ReadyQueue::Use::~Use() { used_queue = before_; }

void ReadyQueue::push(PromiseBase& task) {
  CHECK(!task.queued_ && !task.finished_);
  task.queued_ = true;
  turns_.push(task);
}

void ReadyQueue::push_waiter(PromiseBase& task) {
  if (next_ != nullptr || turns_.waits(task.share)) return push(task);
  CHECK(!task.queued_ && !task.finished_);
  task.queued_ = true;
  next_ = &task;
}

PromiseBase& ReadyQueue::take() {
  if (next_ != nullptr) return *std::exchange(next_, nullptr);
  return static_cast<PromiseBase&>(turns_.pop());
}

void ReadyQueue::bury(PromiseBase& task) {
  CHECK(task.finished_);
  task.next_in_turn = std::exchange(buried_, &task);
}

std::size_t ReadyQueue::run(std::size_t max) {
  std::size_t resumed = 0;
  while (!empty() && resumed < max) {
    PromiseBase& task = take();
    task.queued_ = false;
    task.where_ = nullptr;
    task.awaited_ = nullptr;
    running_share = task.share;
    ++resumed;
    task.handle_.resume();
    while (buried_ != nullptr) {
      PromiseBase& dead = *buried_;
      buried_ = static_cast<PromiseBase*>(dead.next_in_turn);
      dead.handle_.destroy();
    }
  }
  running_share = kOwnShare;
  return resumed;
}

std::int64_t task_frames_live() { return frames_live; }

void* PromiseBase::operator new(std::size_t size) {
  void* frame = ::operator new(size);
  ++frames_live;
  return frame;
}

void PromiseBase::operator delete(void* frame, std::size_t size) {
  --frames_live;
  ::operator delete(frame, size);
}

std::string PromiseBase::whereabouts() const {
  const PromiseBase* task = this;
  while (task->awaited_ != nullptr) task = task->awaited_;
  return task->where_ != nullptr ? task->where_ : task->finished_ ? "done" : "ready";
}

void PromiseBase::finish() noexcept {
  finished_ = true;
  if (waiter_ != nullptr) {
    waiter_->share = running_share;  // what it was awaited for goes on
    ReadyQueue::current().push_waiter(*waiter_);
  } else if (done_ != nullptr) {
    done_(context_);
    ReadyQueue::current().bury(*this);
  }
}

}  // namespace sluice
