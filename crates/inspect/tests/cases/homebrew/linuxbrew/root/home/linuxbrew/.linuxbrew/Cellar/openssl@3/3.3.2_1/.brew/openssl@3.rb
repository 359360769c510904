class OpensslAT3 < Formula
  desc "Cryptography and SSL/TLS Toolkit"
  license "Apache-2.0"
end
