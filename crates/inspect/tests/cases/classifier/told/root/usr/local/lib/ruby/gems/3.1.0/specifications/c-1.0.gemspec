# -*- encoding: utf-8 -*-
# stub: c 1.0 ruby lib
