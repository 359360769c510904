<?php $x = 1;
