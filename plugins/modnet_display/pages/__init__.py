"""Pages: whole HTML files of runs and comparisons."""

from modnet_display.pages.page import Page as Page
from modnet_display.pages.page import check_place as check_place
from modnet_display.pages.page import show as show
from modnet_display.pages.page import to_place as to_place
from modnet_display.pages.page import write_comparison as write_comparison
from modnet_display.pages.page import write_several as write_several
