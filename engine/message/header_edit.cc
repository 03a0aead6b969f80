#include "engine/message/header_edit.h"

#include <algorithm>
#include <utility>

namespace sluice::message {

void append_edited(Chain from, std::vector<HeaderEdit> edits, Chain& to) {
  std::ranges::sort(edits, {}, &HeaderEdit::at);
  std::size_t done = 0;
  for (const HeaderEdit& edit : edits) {
    const std::size_t begin = std::max(edit.at, done);
    to.move_front(from, begin - done);
    const std::size_t end = std::max(edit.at + edit.remove, begin);
    from.consume(end - begin);
    to.append_copy(edit.insert);
    done = end;
  }
  to.append(std::move(from));
}

}  // namespace sluice::message
