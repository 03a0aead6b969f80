#include "engine/cli/operands.h"

namespace sluice::cli {

void fail_command(SluicectlCommand& command, std::string_view name, std::string_view problem) {
  command.kind = SluicectlCommand::Kind::error;
  command.text = text::with_advice("sluicectl", std::string(name).append(": ").append(problem),
                                   std::string("sluicectl ").append(name));
}

bool read_operands(const text::Words& words, std::span<text::Option> options, std::string (*page)(),
                   const std::function<std::string(std::string_view)>& take_operand, SluicectlCommand& command) {
  std::string problem;
  for (std::size_t at = 1; at < words.size() && problem.empty();) {
    const std::string_view word = words[at];
    if (text::Option* const option = text::find_option(options, word); option != nullptr) {
      problem = text::take_option(*option, words, at);
      continue;
    }
    ++at;
    if (text::is_help(word)) {
      command.kind = SluicectlCommand::Kind::print;
      command.text = page();
      return false;
    }
    problem = word.starts_with('-') ? text::unknown_option(word, options) : take_operand(word);
  }
  if (problem.empty()) return true;
  fail_command(command, words.front(), problem);
  return false;
}

}  // namespace sluice::cli
