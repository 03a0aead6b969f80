#include "engine/cli/output.h"

namespace sluice::cli {

int finish_output(std::string_view program, int status, std::ostream& out, std::ostream& err) {
  if (out.flush()) return status;
  err << program << ": standard output: cannot write all of it; is the disk full?\n";
  return status == 0 ? 1 : status;
}

}  // namespace sluice::cli
