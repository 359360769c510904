class Jq < Formula
  license "MIT"
end
