// Who reads along in a dialog with a next hop: a test that shows each step.
// Of the core whose connection it is.
#pragma once

#include <string_view>

#include "engine/smtp/reply_parser.h"

namespace sluice::hop {

class Transcript {
 public:
  Transcript() = default;
  virtual ~Transcript() = default;
  Transcript(const Transcript&) = delete;
  Transcript& operator=(const Transcript&) = delete;
  // A command went out, without its line's end; of a login its name alone.
  virtual void sent(std::string_view command) = 0;
  virtual void received(const smtp::ParsedReply& reply) = 0;
};

}  // namespace sluice::hop
